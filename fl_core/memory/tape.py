"""One unit's forward under autograd, kept until its backward, with no reference that holds more than autograd needs.

A Python name for a unit's output keeps it alive although its backward may not need it; the same holds for the gradient
that is handed in. On ResNet18 at batch 32 these references alone are a tenth of the smallest possible peak
(docs/recompute.md).
"""

from typing import Any, Callable, ContextManager, List, NamedTuple, Tuple

import torch
from torch import Tensor, nn

Keep = Callable[[nn.Module], ContextManager[Any]]  # around a unit's forward: how its saved tensors are kept


class _Start(torch.autograd.Function):
    """Where backward begins: its scalar's backward hands on the gradient that was put in the box."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, box: List[Tensor]) -> Tensor:
        ctx.box = box
        return output.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Tuple[Tensor, None]:
        return ctx.box.pop(), None


class Tape(NamedTuple):
    """What a unit's backward needs."""

    leaf: Tensor  # the unit's input, detached
    start: Tensor
    box: List[Tensor]


def record(unit: nn.Module, hidden: Tensor, keep: Keep, input_gradient: bool) -> Tuple[Tape, Tensor]:
    """Run `unit` under autograd. Returns the tape and the detached output."""
    leaf = hidden.detach().requires_grad_(input_gradient)
    with torch.enable_grad():
        with keep(unit):
            output = unit(leaf)
        box: List[Tensor] = []
        start = _Start.apply(output, box)  # type: ignore[no-untyped-call]
    return Tape(leaf, start, box), output.detach()


def play_back(tape: Tape, gradient: List[Tensor]) -> None:
    """Backward of one unit: `gradient` holds that of its output, and afterwards that of its input (if there is one).

    A list, so that nobody but autograd holds the gradient while the unit is walked back.
    """
    tape.box.append(gradient.pop())
    if not tape.start.requires_grad:
        return  # nothing in the unit is trained, and its input needs no gradient
    tape.start.backward()  # type: ignore[no-untyped-call]
    if tape.leaf.grad is not None:
        gradient.append(tape.leaf.grad)
        tape.leaf.grad = None
