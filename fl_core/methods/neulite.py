"""NeuLite (arXiv 2408.10826; in v2 ScaleFL): stages rotate, so that blocks keep adapting to each other.

Round r trains stage ((r - 1) mod T) + 1: blocks 1..t-1 frozen, block t live behind an output module of its own (plain
surrogate convolutions, pooled classifier, projection). After the authors' published code:

- Hand-over: every stage begins from the newest copy of each block; output modules stay with their stage.
- Training harmonizer: the last layers of block t-1 train along, so that it adapts to the block behind it.
- Curriculum mentor: loss = cross-entropy - lambda1_t nHSIC(Z, X) - lambda2_t nHSIC(H, Y) + mu L2, where X are the
  images, Y one-hot labels, Z the last maps of the sub-model and H = projection(pooled Z), three linear layers.

The projection (512 -> 2056 -> 1024 -> 512) is only used in training, but it is held, trained and sent, and so counted;
`projection` gives other widths, for models far narrower than the paper's.
OURS, for the code gives no values: lambda1 falls and lambda2 rises with the stage, over the four values below (or the
straight line through them for another number of blocks); L2 is FedProx's term with mu = 0; "last layers" are the last
convolution or linear layer of the block, shortcuts aside, with what follows it; frozen batch norm in eval mode.
`harmonizer: false` and `curriculum: false` are the ablations.
"""

from typing import Dict, List, Sequence, Tuple

import numpy as np
import torch.nn.functional as functional
from torch import Tensor, nn

from fl_core.losses.hsic import nhsic
from fl_core.losses.proximal import proximal
from fl_core.methods.base import Batch, Method, Setup
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS, MemoryAware
from fl_core.models.blocks import BlockedModel, BlockSpec, ModelSpec, Part, whole
from fl_core.rounds import Now, RoundPlan, Stage, Task

PROJECTION = (2056, 1024, 512)


class ProjectedHead(nn.Module):
    """The model's own head, and beside it the projection of pooled maps. (b, c, h, w) -> (b, classes)."""

    def __init__(self, spec: ModelSpec, projection: Sequence[int]) -> None:
        super().__init__()
        self.classifier = spec.head()
        widths = (spec.blocks[-1].out_channels, *projection)
        self.projection = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(widths, widths[1:])])

    def forward(self, maps: Tensor) -> Tensor:
        return self.classifier(maps)

    def projected(self, maps: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, the projection's last width)."""
        return self.projection(maps.mean((2, 3)))


def with_projection(spec: ModelSpec, projection: Sequence[int] = PROJECTION) -> ModelSpec:
    return spec._replace(head=lambda: ProjectedHead(spec, projection))


def last_layers(block: BlockSpec) -> Tuple[str, ...]:
    """Beginnings of the keys, within the global model, of the block's last weighted layer and what follows it."""
    names = [
        name
        for name, module in block.build().named_modules()
        if "shortcut" not in name and any(True for _ in module.parameters(recurse=False))
    ]
    weighted = [i for i, name in enumerate(names) if isinstance(_module(block.build(), name), (nn.Conv2d, nn.Linear))]
    return tuple("blocks.{}.{}.".format(block.name, name) for name in names[weighted[-1] :])


def _module(root: nn.Module, name: str) -> nn.Module:
    return dict(root.named_modules())[name]


def scheduled(values: Sequence[float], stages: int) -> List[float]:
    """One value per stage: the values themselves, or points of the line through them."""
    return [float(v) for v in np.interp(np.linspace(0, 1, stages), np.linspace(0, 1, len(values)), values)]


class Server(MemoryAware):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.spec = with_projection(setup.spec, self.options["projection"])
        self.parts = [self.part(at) for at in range(len(self.spec.blocks))]

    def initial(self) -> BlockedModel:
        return Global(self.spec, self.parts)

    def part(self, at: int) -> Part:
        names = self.spec.block_names
        adapt = self.options["harmonizer"] and at > 0
        return Part(
            live=names[at : at + 1],
            frozen=names[:at],
            surrogates=names[at + 1 :],
            head=True,
            tuned=last_layers(self.spec.blocks[at - 1]) if adapt else (),
            owner=names[at],
        )

    def plan(self, now: Now) -> RoundPlan:
        part = self.parts[(now.round_index - 1) % len(self.parts)]
        able = self.able(now, part, Client(self.setup).cost)
        stage = Stage(part.owner, part)
        return self.round(stage.name, {name: Task(stage) for name in self.pick(now, able)}, part)


class Global(BlockedModel):
    """All blocks once, and the output modules of every stage."""

    def __init__(self, spec: ModelSpec, parts: Sequence[Part]) -> None:
        super().__init__(spec, whole(spec)._replace(head=False))
        self._outputs = [BlockedModel(spec, part._replace(live=(), frozen=())) for part in parts]

    def tensors(self) -> Dict[str, Tensor]:
        own = [output.tensors() for output in self._outputs]
        return {**super().tensors(), **{key: value for tensors in own for key, value in tensors.items()}}


class Client(Learner):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        stages = len(setup.spec.blocks)
        self.spec = with_projection(setup.spec, self.options["projection"])
        self._weights = {
            name: pair
            for name, *pair in zip(
                setup.spec.block_names,
                scheduled(setup.options["lambda1"], stages),
                scheduled(setup.options["lambda2"], stages),
            )
        }

    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        self._received = [p.detach().clone() for p in model.trained_parameters()] if self.options["mu"] else []

    def objective(self, model: BlockedModel, batch: Batch) -> Tensor:
        hidden = model.frozen_prefix(batch.inputs)
        for unit in model.live_units()[:-1]:
            hidden = unit(hidden)
        loss = self.cross_entropy(model.head(hidden), batch.labels)
        if self.options["curriculum"]:
            about_input, about_label = self._weights[model.part.owner]
            one_hot = functional.one_hot(batch.labels, self.spec.classes).float()
            loss = loss - about_input * nhsic(hidden, batch.inputs)
            loss = loss - about_label * nhsic(model.head.projected(hidden), one_hot)  # type: ignore[operator]
        if self._received:
            loss = loss + proximal(zip(model.trained_parameters(), self._received), self.options["mu"])
        return loss


METHOD = Method(
    "neulite",
    Server,
    Client,
    defaults={
        **DEFAULTS,
        "lambda1": (0.1, 0.05, 0.01, 0.0),
        "lambda2": (0.01, 0.02, 0.05, 0.1),
        "mu": 0.0,
        "projection": PROJECTION,
        "curriculum": True,
        "harmonizer": True,
    },
)
