"""The rest of a split model as the last unit of the device's chain: any recompute plan then ends with an exchange."""

from typing import Any, Callable, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.profile import ModeCost, UnitCost

Ask = Callable[[Tensor], Tuple[float, Tensor]]  # smashed data -> loss, and the gradient of the smashed data
SCALAR_BYTES = 4


class Remote(nn.Module):
    """(batch, channels, height, width) -> the loss, a scalar whose backward hands in the gradient that came with it."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self._ask = ask

    def forward(self, smashed: Tensor) -> Tensor:
        loss, gradient = self._ask(smashed.detach())
        return _Answered.apply(smashed, loss, gradient)  # type: ignore[no-untyped-call]


class _Answered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, smashed: Tensor, loss: float, gradient: Tensor) -> Tensor:
        ctx.gradient = gradient
        return smashed.new_full((), loss)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Tuple[Tensor, None, None]:
        gradient, ctx.gradient = ctx.gradient, None
        return gradient, None, None


def stand_in() -> Remote:
    """For profiling: costs what an answer costs, asks nobody."""
    return Remote(lambda smashed: (0.0, torch.empty_like(smashed)))


def remote_cost(smashed_bytes: int, modes: Tuple[str, ...]) -> UnitCost:
    """What a profile of `stand_in` says: the gradient is held from the answer to the backward."""
    kept = smashed_bytes + SCALAR_BYTES  # with the scalar that backward begins from
    held = kept + SCALAR_BYTES
    backward = held + SCALAR_BYTES
    cost = ModeCost(0.0, 0.0, held, held, kept, backward, backward)
    return UnitCost(SCALAR_BYTES, 0, 0.0, held - SCALAR_BYTES, dict.fromkeys(modes, cost))
