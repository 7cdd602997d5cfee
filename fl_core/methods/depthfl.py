"""DepthFL (Kim et al., ICLR 2023): clients train the first blocks, as many as memory allows, with an exit behind each.

Local loss: cross-entropy of every exit, plus `distill` times the mean Kullback-Leibler divergence of each exit from the
others (section 3.2). What travels: the client's blocks and exits. The last block's exit is the model's head, and the
global model is evaluated there. `distill` 1 after the paper's loss, without its ramp-up (OURS).
"""

from typing import Dict, List, Optional

import torch
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.losses.distillation import mutual
from fl_core.methods.base import Batch, Method
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS, MemoryAware
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.rounds import Now, RoundPlan, Stage, Task
from fl_core.selection.candidate import MIB


class Server(MemoryAware):
    def initial(self) -> BlockedModel:
        return BlockedModel(self.spec, whole(self.spec, exits=True))

    def part(self, depth: int) -> Part:
        """The first `depth` blocks with their exits."""
        names = self.spec.block_names
        whole_depth = depth == len(names)
        return Part(live=names[:depth], exits=names[: depth - 1] if whole_depth else names[:depth], head=whole_depth)

    def deepest(self, budget_bytes: Optional[int]) -> int:
        """How many blocks a budget holds; 0 where not even one."""
        depths = range(len(self.spec.blocks), 0, -1)
        return next((d for d in depths if budget_bytes is None or self._need(d) <= budget_bytes), 0)

    def plan(self, now: Now) -> RoundPlan:
        depths: Dict[str, int] = {c.name: self.deepest(c.memory_bytes) for c in self.candidates(now)}
        able = [c for c in self.candidates(now) if depths[c.name]]
        if not able:
            need_mib = self._need(1) / MIB
            raise BadJob("no client holds the first block of {}: it needs {:.1f} MiB".format(self.spec.name, need_mib))
        chosen = self.pick(now, able)
        tasks = {name: Task(Stage("depth {}".format(depths[name]), self.part(depths[name]))) for name in chosen}
        return self.round("all", tasks, whole(self.spec))

    def _need(self, depth: int) -> int:
        return self.need_bytes(self.part(depth), Client(self.setup).cost)


class Client(Learner):
    def objective(self, model: BlockedModel, batch: Batch) -> Tensor:
        logits: List[Tensor] = model.all_logits(batch.inputs)
        losses = [self.cross_entropy(one, batch.labels) for one in logits]
        return torch.stack(losses).sum() + self.options["distill"] * mutual(logits)


METHOD = Method("depthfl", Server, Client, defaults={**DEFAULTS, "distill": 1.0})
