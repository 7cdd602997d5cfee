"""Training what is live in little memory: recomputation, gradient release and bf16, each an option of its own.

`recompute`: the plan of the smallest tensor peak (`fl_core.memory.plan`). `release`: parameters are updated in the
backward pass, so that their gradients never live side by side. `bf16`: activations, and weights of frozen blocks, in
bfloat16 (torch's autocast; fast only where the processor has it). The first two change no bit of the result.
"""

from contextlib import contextmanager
from typing import Any, Iterator, Mapping, Optional

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.release import gradients_consumed
from fl_core.models.blocks import BlockedModel

DEFAULTS: Mapping[str, Any] = {"recompute": False, "release": False, "bf16": False}


def hold_frozen(model: BlockedModel, bf16: bool) -> None:
    """Frozen weights in the precision in which they run; norm statistics are rounded along."""
    if bf16:
        for name in model.part.frozen:
            model.blocks[name].to(torch.bfloat16)


@contextmanager
def precision(bf16: bool) -> Iterator[None]:
    """Casts of weights are not kept beside them."""
    if not bf16:
        yield
        return
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
        yield


class LeanSteps:
    """Steps of one model's live part under `DEFAULTS`' options."""

    def __init__(self, model: BlockedModel, options: Mapping[str, Any]) -> None:
        self.model = model
        self._options = options
        self._planned = PlannedSteps(model.live_units(), EXACT, budget.smallest()) if options["recompute"] else None

    def step(self, hidden: Tensor, labels: Tensor, optimiser: SGD) -> float:
        """Forward and backward from the prefix's output; returns the batch's mean loss."""
        released: Optional[SGD] = optimiser if self._options["release"] else None
        with precision(self._options["bf16"]):
            if self._planned is not None:
                return self._planned.step(hidden, labels, released)
            with gradients_consumed(released.parameters if released else [], _update(released)):
                for unit in self.model.live_units():
                    hidden = unit(hidden)
                loss = functional.cross_entropy(hidden, labels)
                del hidden
                loss.backward()  # type: ignore[no-untyped-call]
                return float(loss.detach())


def _update(optimiser: Optional[SGD]) -> Any:
    return optimiser.update if optimiser else None
