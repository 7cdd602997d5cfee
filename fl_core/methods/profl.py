"""ProFL (arXiv 2404.13349, KDD 2025): the model is shrunk back to front, then grown front to back.

Shrinking, for block t from the last to the second: (1) train block t in place, behind random frozen blocks 1..t-1 and
in front of the surrogates made so far and the head; (2) map it: a single convolution learns on the clients to give the
logits that block t gives (mean squared error), everything else fixed, but for the last block the head learns along.
Block t is kept as its own initialisation, the convolution as a part of the output module. Growing, for block t from the
first to the last: blocks 1..t-1 frozen, block t live, surrogates of later blocks and head trained along. A stage ends
by effective movement (`fl_core.pace`), a mapping after `mapping_rounds`.

After the authors' published code: mapping at learning rate 1e-5, `frozen_norm: moving` (statistics of frozen batch norm
keep moving and are averaged; `eval` holds them), head and surrogates handed from stage to stage. `shrink: false` is the
ablation. OURS: the average is weighted by samples (their clients hold equal data), one mapping round for five epochs.
"""

import copy
from typing import List, Optional

import torch
from torch import Tensor, nn

from fl_core.errors import BadJob
from fl_core.losses.distillation import mapping
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import Batch, Exchange, Method, Setup
from fl_core.methods.learner import Learner
from fl_core.methods.progressive import DEFAULTS, Progressive, Step
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.rounds import Now, RoundPlan, Stage, Task


class Server(Progressive):
    def __init__(self, setup: Setup) -> None:
        if setup.options["frozen_norm"] not in ("moving", "eval"):
            raise BadJob("frozen_norm must be moving or eval, not {!r}".format(setup.options["frozen_norm"]))
        super().__init__(setup)

    def initial(self) -> BlockedModel:
        return BlockedModel(self.spec, whole(self.spec, surrogates=True))

    def all_steps(self) -> List[Step]:
        names = self.spec.block_names
        steps: List[Step] = []
        if self.options["shrink"]:
            for at in range(len(names) - 1, 0, -1):
                steps.append(Step(Stage("shrink " + names[at], self.training(at)), names[at]))
                steps.append(Step(Stage("map " + names[at], self.mapping(at)), None, self.options["mapping_rounds"]))
        return steps + [Step(Stage("grow " + name, self.training(at)), name) for at, name in enumerate(names)]

    def training(self, at: int) -> Part:
        """Block `at` live between frozen blocks and surrogates: the same in both phases."""
        names = self.spec.block_names
        return Part(
            live=names[at : at + 1],
            frozen=names[:at],
            surrogates=names[at + 1 :],
            head=True,
            moving_norm=self.options["frozen_norm"] == "moving",
        )

    def mapping(self, at: int) -> Part:
        """Teacher and student side by side: the surrogate of block `at` alone is trained; of the last, the head too."""
        names = self.spec.block_names
        later = tuple("surrogates.{}.".format(name) for name in names[at + 1 :])
        return Part(
            frozen=names[: at + 1],
            surrogates=names[at:],
            head=True,
            fixed=later + (("head.",) if later else ()),
            moving_norm=self.options["frozen_norm"] == "moving",
        )

    def path(self, part: Part) -> Part:
        """What is evaluated: in a mapping, the student."""
        return part if part.live else part._replace(frozen=part.frozen[:-1])

    def plan(self, now: Now) -> RoundPlan:
        stage = self.current.stage
        able = self.able(now, stage.device, None if stage.device.live else _costed_mapping)
        tasks = {name: Task(stage) for name in self.pick(now, able)}
        return self.round(stage.name, tasks, self.path(stage.device))._replace(notes=self.notes(now))


def logits_of_both(model: BlockedModel, inputs: Tensor, teachers_head: nn.Module) -> List[Tensor]:
    """Of student and teacher, (batch, classes) each. The last frozen block is the teacher's own."""
    *prefix, block = model.part.frozen
    with torch.no_grad():
        hidden = inputs
        for name in prefix:
            hidden = model.blocks[name](hidden)
        taught = model.blocks[block](hidden)
        for name in model.part.surrogates[1:]:
            taught = model.surrogates[name](taught)
        taught = teachers_head(taught)
    for name in model.part.surrogates:
        hidden = model.surrogates[name](hidden)
    return [model.head(hidden), taught]


def _costed_mapping(model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
    mapping(*logits_of_both(model, inputs, copy.deepcopy(model.head))).backward()  # type: ignore[no-untyped-call]


class Client(Learner):
    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        self._teachers_head = None if model.part.live else copy.deepcopy(model.head)

    def optimiser(self, model: BlockedModel) -> SGD:
        optimiser = super().optimiser(model)
        if not model.part.live:
            optimiser.lr = self.options["mapping_learning_rate"]
        return optimiser

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        if self._teachers_head is None:
            return super().step(model, batch, edge)
        student, teacher = logits_of_both(model, batch.inputs, self._teachers_head)
        loss = mapping(student, teacher)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


METHOD = Method(
    "profl",
    Server,
    Client,
    defaults={
        **DEFAULTS,
        "shrink": True,
        "mapping_rounds": 1,
        "mapping_learning_rate": 1e-5,
        "frozen_norm": "moving",
    },
)
