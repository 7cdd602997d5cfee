"""Execute a recompute plan: the forward and backward of one step, operation by operation.

Gradients are bit-equal to plain training's for exact modes; random state is restored for a second forward, and batch
norm statistics move once. Not torch.utils.checkpoint, whose non-reentrant form imports torch._dynamo (70 MiB).
"""

from contextlib import contextmanager
from typing import Dict, Iterator, List, Optional, Sequence

import torch
from torch import Tensor, nn

from fl_core.memory.chain import norm_statistics_kept
from fl_core.memory.modes import MODES
from fl_core.memory.schedule import BACKWARD, CHECKPOINT, RECORD, Op
from fl_core.memory.tape import Tape, play_back, record


def execute(units: Sequence[nn.Module], ops: Sequence[Op], inputs: Tensor) -> float:
    """Run a chain whose last unit returns the loss. Leaves gradients in the parameters; returns the loss."""
    step = _Step(units, inputs)
    for op in ops:
        if op.kind == RECORD:
            step.record(op.unit, op.mode)
        elif op.kind == BACKWARD:
            step.backward(op.unit)
        else:
            step.forward(op.unit, keep_input=op.kind == CHECKPOINT)
    return step.loss


class _Step:
    """The state between operations: inputs of units, tapes of recorded ones, the gradient on its way to the front."""

    def __init__(self, units: Sequence[nn.Module], inputs: Tensor) -> None:
        self.units = units
        self.loss = float("nan")
        self._inputs: Dict[int, Tensor] = {0: inputs}
        self._tapes: Dict[int, Tape] = {}
        self._random: Dict[int, Tensor] = {}  # state before the first forward of units that have another
        self._gradient: List[Tensor] = []

    def forward(self, index: int, keep_input: bool) -> None:
        hidden = self._inputs[index] if keep_input else self._inputs.pop(index)
        before = self._random.get(index)
        if before is None:
            self._random[index] = torch.get_rng_state()
        with torch.no_grad(), _replay(self.units[index], before):
            self._inputs[index + 1] = self.units[index](hidden)

    def record(self, index: int, mode: str) -> None:
        with _replay(self.units[index], self._random.get(index)):
            self._tapes[index], self._inputs[index + 1] = record(
                self.units[index], self._inputs.pop(index), MODES[mode], input_gradient=index > 0
            )

    def backward(self, index: int) -> None:
        output = self._inputs.pop(index + 1, None)
        if output is not None and index == len(self.units) - 1:
            self.loss = float(output)
            self._gradient.append(torch.ones_like(output))
        del output
        play_back(self._tapes.pop(index), self._gradient)


@contextmanager
def _replay(unit: nn.Module, random_state: Optional[Tensor]) -> Iterator[None]:
    """Around a second forward: the first one's random numbers, and no move of statistics. None: it is the first."""
    if random_state is None:
        yield
        return
    now = torch.get_rng_state()
    torch.set_rng_state(random_state)
    try:
        with norm_statistics_kept(unit):
            yield
    finally:
        torch.set_rng_state(now)
