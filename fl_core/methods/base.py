"""What a method decides: which part of the model lives where in each stage, and what one local step does.

The rest follows from the parts and is the same for all: a client receives the tensors its part holds (frozen ones
once per stage), trains the live ones, returns them, and the server averages by samples (McMahan et al. 2017).
*Where* a client runs (in process, on a board) is not the method's business.
"""

from typing import Any, Dict, NamedTuple, Optional

import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.models.blocks import BlockedModel, ModelSpec, Part


class Stage(NamedTuple):
    """A stretch of rounds with one partition. `edge` is the part on the edge server, if the method splits."""

    name: str
    device: Part
    edge: Optional[Part] = None

    @property
    def together(self) -> Part:
        """The path from input to logits: what the server evaluates after a round of this stage."""
        if self.edge is None:
            return self.device
        return Part(self.device.live + self.edge.live, self.device.frozen, self.edge.surrogates, True)


class Exchange:
    """The device's line to its replica on the edge server, for one batch at a time."""

    def gradient_of(self, smashed: Tensor, labels: Tensor) -> "EdgeReply":
        """Send smashed data and labels; the reply holds the loss and the gradient of the smashed data."""
        raise NotImplementedError


class EdgeReply(NamedTuple):
    gradient: Tensor  # the shape of the smashed data
    loss: float


class Method:
    """Base of all methods: `options` are the study's, checked against `defaults`."""

    name = "?"
    defaults: Dict[str, Any] = {}
    surrogates = False  # whether the global model keeps an output module

    def __init__(self, spec: ModelSpec, options: Dict[str, Any]) -> None:
        unknown = sorted(set(options) - set(self.defaults))
        if unknown:
            raise BadJob(
                "{} has no option {}; known: {}".format(
                    self.name, ", ".join(unknown), ", ".join(sorted(self.defaults)) or "none"
                )
            )
        self.spec = spec
        self.options = {**self.defaults, **options}

    def stage(self, round_index: int, rounds: int) -> Stage:
        """The stage that round `round_index` (from 1) of `rounds` belongs to."""
        raise NotImplementedError

    def step(self, model: BlockedModel, inputs: Tensor, labels: Tensor, edge: Optional[Exchange]) -> float:
        """Forward and backward on the device: leaves gradients in `model`, returns the batch's mean loss."""
        raise NotImplementedError


def plain_step(model: BlockedModel, inputs: Tensor, labels: Tensor) -> float:
    """Cross-entropy through everything the model holds."""
    loss = functional.cross_entropy(model(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
