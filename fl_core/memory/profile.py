"""What each unit of a chain costs on this machine: seconds and bytes of every way to keep it, measured.

Bytes come from the dispatch counter (`TensorPeak`, torch >= 2.1) and are exact; they do not depend on the machine, so a
profile from elsewhere serves an older torch, with times of its own. Seconds are medians. A profile is plain data: it
travels as JSON from the board to whoever plans.
"""

import statistics
import time
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.chain import norm_statistics_kept
from fl_core.memory.modes import MODES
from fl_core.memory.release import gradients_consumed
from fl_core.memory.tape import Saving, play_back, record
from fl_core.memory.tensors import TensorPeak

REPEATS = 3


class ModeCost(NamedTuple):
    """One unit, recorded in one mode. Bytes are above those of the unit's input."""

    forward_s: float
    backward_s: float
    forward_peak_bytes: int
    held_bytes: int  # after the forward, the output included
    kept_bytes: int  # the same once nobody else holds the output
    backward_peak_bytes: int  # with the gradients of output, input and parameters


class UnitCost(NamedTuple):
    """One unit."""

    output_bytes: int
    gradient_bytes: int  # of its parameters, from its backward to the optimiser; 0 where they are released at once
    pass_s: float  # a forward that saves nothing
    pass_peak_bytes: int  # its peak above the input, the output included
    modes: Dict[str, ModeCost]


class Profile(NamedTuple):
    """A chain, measured for one batch."""

    static_bytes: int  # weights, buffers, momentum, input: there all the time
    units: Tuple[UnitCost, ...]

    def to_json(self) -> Dict[str, Any]:
        units = [{**u._asdict(), "modes": {name: m._asdict() for name, m in u.modes.items()}} for u in self.units]
        return {"static_bytes": self.static_bytes, "units": units}

    @classmethod
    def from_json(cls, facts: Dict[str, Any]) -> "Profile":
        units = tuple(
            UnitCost(**{**u, "modes": {name: ModeCost(**m) for name, m in u["modes"].items()}}) for u in facts["units"]
        )
        return cls(facts["static_bytes"], units)


def static_bytes(units: Sequence[nn.Module], inputs: Tensor, momentum: bool) -> int:
    """Bytes that live through the whole step: weights, buffers, momentum of what is trained, the batch."""
    chained = nn.ModuleList(units)
    trained = [p for p in chained.parameters() if p.requires_grad] if momentum else []
    return sum(_bytes(t) for t in [*chained.parameters(), *chained.buffers(), *trained, inputs])


def measure(
    units: Sequence[nn.Module], inputs: Tensor, modes: Sequence[str], release: bool, momentum: bool = True
) -> Profile:
    """Profile a chain whose last unit returns the loss. Leaves parameters, statistics and random numbers as they were.

    Holds one unit at a time. `release`: gradients are consumed in the backward (`fl_core.memory.release`).
    """
    costs = []
    hidden = inputs
    with torch.random.fork_rng(devices=[]):
        for index, unit in enumerate(units):
            with norm_statistics_kept(unit):
                cost, hidden = _measure_unit(unit, hidden, modes, release, index > 0)
            costs.append(cost)
    return Profile(static_bytes(units, inputs, momentum), tuple(costs))


def _measure_unit(
    unit: nn.Module, hidden: Tensor, modes: Sequence[str], release: bool, input_gradient: bool
) -> Tuple[UnitCost, Tensor]:
    parameters = [p for p in unit.parameters() if p.requires_grad]
    gradient_bytes = 0 if release else sum(_bytes(p) for p in parameters)

    def run(saving: Saving, mark: Callable[[str], None]) -> None:
        tape, output = record(unit, hidden, saving, input_gradient)
        mark("held")
        gradient = [torch.ones_like(output)]
        del output
        mark("kept")
        with gradients_consumed(parameters if release else [], _drop):
            play_back(tape, gradient)
        mark("end")
        for parameter in parameters:
            parameter.grad = None

    with torch.no_grad():
        output = unit(hidden)
    passes = statistics.median(_seconds_of_pass(unit, hidden) for _ in range(REPEATS))
    timed: Dict[str, List[Tuple[float, float]]] = {mode: [] for mode in modes}
    for _ in range(REPEATS):
        for mode in modes:
            timed[mode].append(_seconds(run, MODES[mode]))
    with TensorPeak() as meter:
        pass_peak = _bytes_of_pass(meter, unit, hidden)
        sizes = {mode: _bytes_of_run(meter, run, MODES[mode], _bytes(output)) for mode in modes}
    costs = {
        mode: ModeCost(
            statistics.median(forward for forward, _ in timed[mode]),
            statistics.median(backward for _, backward in timed[mode]),
            *sizes[mode]
        )
        for mode in modes
    }
    return UnitCost(_bytes(output), gradient_bytes, passes, pass_peak, costs), output


def _seconds_of_pass(unit: nn.Module, hidden: Tensor) -> float:
    started_s = time.perf_counter()
    with torch.no_grad():
        unit(hidden)
    return time.perf_counter() - started_s


def _seconds(run: Callable[..., None], saving: Saving) -> Tuple[float, float]:
    """(forward, backward) of one run."""
    marks = {"start": time.perf_counter()}
    run(saving, lambda name: marks.__setitem__(name, time.perf_counter()))
    return marks["held"] - marks["start"], marks["end"] - marks["kept"]


def _bytes_of_pass(meter: TensorPeak, unit: nn.Module, hidden: Tensor) -> int:
    before = meter.peak_bytes = meter.live_bytes
    with torch.no_grad():
        unit(hidden)
    return meter.peak_bytes - before


def _bytes_of_run(meter: TensorPeak, run: Callable[..., None], saving: Saving, gradient: int) -> Tuple[int, ...]:
    """Peak of the forward; held and kept after it (without the `gradient` of the output); peak of the backward."""
    before = meter.peak_bytes = meter.live_bytes
    seen: Dict[str, Tuple[int, int]] = {}

    def mark(name: str) -> None:
        seen[name] = (meter.live_bytes - before, meter.peak_bytes - before)
        meter.peak_bytes = meter.live_bytes

    run(saving, mark)
    return seen["held"][1], seen["held"][0], seen["kept"][0] - gradient, seen["end"][1]


def _drop(parameter: Tensor) -> None:
    parameter.grad = None


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
