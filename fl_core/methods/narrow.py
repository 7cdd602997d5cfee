"""What AllSmall, HeteroFL and FedRolex share: clients train narrower copies of the model, as wide as memory allows.

`widths`: the choices, relative to the full model (HeteroFL's five levels). A device's need is the ledger's tensor peak
of the narrow model.
"""

from typing import Any, Dict, Mapping, Optional

import torch
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.methods.base import Setup
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS as MEMORY_DEFAULTS
from fl_core.methods.memory_aware import MemoryAware
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.rounds import Now, Region, RoundPlan, Stage, Task
from fl_core.selection.candidate import MIB
from fl_core.submodel.width import Shape, narrowed, region, shapes

DEFAULTS: Mapping[str, Any] = {**MEMORY_DEFAULTS, "widths": (1.0, 0.5, 0.25, 0.125, 0.0625)}


def stage_of(width: float, part: Part) -> Stage:
    return Stage("width {:g}".format(width), part, shape={"width": width})


class Narrower(MemoryAware):
    """Each client trains the widest version that its memory holds; a subclass says which channels."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._full = shapes(self.spec)
        self._shapes: Dict[float, Dict[str, Shape]] = {
            w: shapes(narrowed(self.spec, w)) for w in self.options["widths"]
        }

    def shift(self, round_index: int) -> int:
        """The first channel of this round's window."""
        raise NotImplementedError

    def plan(self, now: Now) -> RoundPlan:
        part, fitting = whole(self.spec), {c.name: self.widest(c.memory_bytes) for c in self.candidates(now)}
        able = [c for c in self.candidates(now) if fitting[c.name] is not None]
        if not able:
            need_mib = self._need(min(self._shapes)) / MIB
            raise BadJob("no client holds the narrowest {}: it needs {:.1f} MiB".format(self.spec.name, need_mib))
        chosen = self.pick(now, able)
        tasks = {name: Task(stage_of(fitting[name] or 0.0, part), self._settings(now, name)) for name in chosen}
        return self.round("all", tasks, part)

    def widest(self, budget_bytes: Optional[int]) -> Optional[float]:
        """The largest width that a budget holds; None where none does."""
        fitting = [w for w in self._shapes if budget_bytes is None or self._need(w) <= budget_bytes]
        return max(fitting, default=None)

    def region(self, task: Task, key: str) -> Optional[Region]:
        full, part = self._full[key], self._shapes[task.stage.shape["width"]][key]
        return None if full == part else region(full, part, task.settings["shift"])

    def _need(self, width: float) -> int:
        return self.need_bytes(whole(self.spec), spec=narrowed(self.spec, width))

    def _settings(self, now: Now, client: str) -> Dict[str, Any]:
        counts = now.clients[client].label_counts or []
        return {"shift": self.shift(now.round_index), "present": [label for label, n in enumerate(counts) if n]}


class Client(Learner):
    """Builds the narrow model; cross-entropy over the classes that it has."""

    def build(self, stage: Stage) -> BlockedModel:
        return BlockedModel(narrowed(self.spec, stage.shape["width"]), stage.device)

    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        self._present = torch.zeros(self.spec.classes, dtype=torch.bool)
        self._present[task.settings.get("present", slice(None))] = True

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        return super().cross_entropy(logits.masked_fill(~self._present, 0.0), labels)
