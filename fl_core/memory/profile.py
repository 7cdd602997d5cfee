"""What each unit of a chain costs on this machine: seconds and bytes of every way to keep it, measured.

Bytes come from the dispatch counter (`TensorPeak`, torch >= 2.1) and are exact; they do not depend on the machine.
Seconds are the least of a few runs, since what disturbs a run only adds to it. A profile is plain data: it travels as
JSON from the board to whoever plans.
"""

import time
from typing import Any, Callable, Dict, Iterator, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.chain import norm_statistics_kept
from fl_core.memory.modes import MODES
from fl_core.memory.release import gradients_consumed
from fl_core.memory.tape import Keep, play_back, record
from fl_core.memory.tensors import TensorPeak, unmetered

REPEATS = 3
Mark = Callable[[str], None]


class ModeCost(NamedTuple):
    """One unit, recorded in one mode. Bytes are above those of the unit's input."""

    forward_s: float
    backward_s: float
    forward_peak_bytes: int
    held_bytes: int  # after the forward, the output included
    kept_bytes: int  # the same once nobody else holds the output
    backward_peak_bytes: int  # with the gradients of output, input and parameters
    released_peak_bytes: int  # the same where each parameter's gradient is consumed at once


class UnitCost(NamedTuple):
    """One unit."""

    output_bytes: int
    gradient_bytes: int  # of its parameters, from its backward to the optimiser
    pass_s: float  # a forward that saves nothing
    pass_peak_bytes: int  # its peak above the input, the output included
    modes: Dict[str, ModeCost]

    def released(self) -> "UnitCost":
        modes = {name: m._replace(backward_peak_bytes=m.released_peak_bytes) for name, m in self.modes.items()}
        return self._replace(gradient_bytes=0, modes=modes)


class Profile(NamedTuple):
    """A chain, measured for one batch."""

    static_bytes: int  # weights, buffers, momentum, input: there all the time
    units: Tuple[UnitCost, ...]

    def released(self) -> "Profile":
        """What the chain costs where gradients are released (`fl_core.memory.release`)."""
        return self._replace(units=tuple(unit.released() for unit in self.units))

    def to_json(self) -> Dict[str, Any]:
        units = [{**u._asdict(), "modes": {name: m._asdict() for name, m in u.modes.items()}} for u in self.units]
        return {"static_bytes": self.static_bytes, "units": units}

    @classmethod
    def from_json(cls, facts: Dict[str, Any]) -> "Profile":
        units = tuple(
            UnitCost(**{**u, "modes": {name: ModeCost(**m) for name, m in u["modes"].items()}}) for u in facts["units"]
        )
        return cls(facts["static_bytes"], units)


def measure(
    units: Sequence[nn.Module], inputs: Tensor, modes: Sequence[str], momentum: bool = True, repeats: int = REPEATS
) -> Profile:
    """Profile a chain whose last unit returns the loss. Leaves parameters, statistics and random numbers as they were.

    Holds one unit's activations at a time, so it fits where training with recomputation does. Without `repeats` no
    time is taken, and all of them are 0.
    """
    chained = nn.ModuleList(units)
    with torch.random.fork_rng(devices=[]), norm_statistics_kept(chained), unmetered():
        seconds = [_Seconds(trial, modes, repeats) for trial in _trials(units, inputs)]
        with TensorPeak(new_only=True) as meter:  # other threads' old tensors may end meanwhile
            sizes = [_Sizes(trial, modes, meter) for trial in _trials(units, inputs)]
    return Profile(static_bytes(chained, inputs, momentum), tuple(_cost(s, b, modes) for s, b in zip(seconds, sizes)))


def static_bytes(model: nn.Module, inputs: Tensor, momentum: bool) -> int:
    """Bytes that live through the whole step: weights, buffers, momentum of what is trained, the batch."""
    trained = [p for p in model.parameters() if p.requires_grad] if momentum else []
    return sum(_bytes(t) for t in [*model.parameters(), *model.buffers(), *trained, inputs])


class _Trial:
    """Runs of one unit on its input."""

    def __init__(self, unit: nn.Module, hidden: Tensor, first: bool) -> None:
        self.unit = unit
        self.hidden = hidden
        self.first = first
        self.parameters = [p for p in unit.parameters() if p.requires_grad]

    def run_pass(self) -> Tensor:
        with torch.no_grad():
            return self.unit(self.hidden)

    def run(self, keep: Keep, release: bool, mark: Mark) -> None:
        """Forward and backward; `mark` is called when the output is there, has been let go, and at the end."""
        tape, output = record(self.unit, self.hidden, keep, not self.first)
        mark("held")
        gradient = [torch.ones_like(output)]
        del output
        mark("kept")
        with gradients_consumed(self.parameters if release else [], _drop):
            play_back(tape, gradient)
        mark("end")
        for parameter in self.parameters:
            _drop(parameter)


def _trials(units: Sequence[nn.Module], inputs: Tensor) -> Iterator[_Trial]:
    hidden = inputs
    for index, unit in enumerate(units):
        trial = _Trial(unit, hidden, index == 0)
        yield trial
        hidden = trial.run_pass()


class _Seconds:
    """The clock's half of a unit's cost."""

    def __init__(self, trial: _Trial, modes: Sequence[str], repeats: int) -> None:
        self.passed = float("inf") if repeats else 0.0
        self.forward = dict.fromkeys(modes, self.passed)
        self.backward = dict(self.forward)
        trial.run_pass()  # warm up
        for _ in range(repeats):  # taking turns, so that a disturbance does not meet one mode alone
            started_s = time.perf_counter()
            trial.run_pass()
            self.passed = min(self.passed, time.perf_counter() - started_s)
            for mode in modes:
                forward, backward = _timed(trial, MODES[mode])
                self.forward[mode] = min(self.forward[mode], forward)
                self.backward[mode] = min(self.backward[mode], backward)


def _timed(trial: _Trial, keep: Keep) -> Tuple[float, float]:
    """Seconds of (forward, backward) in one run."""
    marks = {"start": time.perf_counter()}

    def mark(name: str) -> None:
        marks[name] = time.perf_counter()

    trial.run(keep, False, mark)
    return marks["held"] - marks["start"], marks["end"] - marks["kept"]


class _Sizes:
    """The meter's half of a unit's cost."""

    def __init__(self, trial: _Trial, modes: Sequence[str], meter: TensorPeak) -> None:
        before = meter.peak_bytes = meter.live_bytes
        self.output = _bytes(trial.run_pass())
        self.pass_peak = meter.peak_bytes - before
        self.gradient = sum(_bytes(p) for p in trial.parameters)
        self.modes = {mode: self._of_mode(trial, MODES[mode], meter) for mode in modes}

    def _of_mode(self, trial: _Trial, keep: Keep, meter: TensorPeak) -> Dict[str, int]:
        before = meter.live_bytes
        seen: Dict[str, Tuple[int, int]] = {}

        def mark(name: str) -> None:
            seen[name] = (meter.live_bytes - before, meter.peak_bytes - before)
            meter.peak_bytes = meter.live_bytes

        mark("start")
        trial.run(keep, True, mark)
        released = seen["end"][1]
        mark("start")
        trial.run(keep, False, mark)
        return {
            "forward_peak_bytes": seen["held"][1],
            "held_bytes": seen["held"][0],
            "kept_bytes": seen["kept"][0] - self.output,  # the output's gradient is there already
            "backward_peak_bytes": seen["end"][1],
            "released_peak_bytes": released,
        }


def _cost(seconds: _Seconds, sizes: _Sizes, modes: Sequence[str]) -> UnitCost:
    costs = {mode: ModeCost(seconds.forward[mode], seconds.backward[mode], **sizes.modes[mode]) for mode in modes}
    return UnitCost(sizes.output, sizes.gradient, seconds.passed, sizes.pass_peak, costs)


def _drop(parameter: Tensor) -> None:
    parameter.grad = None


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
