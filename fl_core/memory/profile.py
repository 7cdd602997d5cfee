"""What each unit of a chain costs on this machine: seconds and bytes of every way to keep it, measured.

One run of each mode gives both. Bytes come from the dispatch counter (`TensorPeak`, torch >= 2.1) and are exact; they
do not depend on the machine. Seconds are the least of the runs, since what disturbs a run only adds to it. A unit that
this process has met before, in the same chain or in another, is not measured again. A profile is plain data: it travels
as JSON from the board to whoever plans.
"""

import time
from typing import Any, Dict, NamedTuple, Sequence, Set, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.chain import norm_statistics_kept
from fl_core.memory.modes import MODES
from fl_core.memory.release import gradients_consumed
from fl_core.memory.tape import Keep, play_back, record
from fl_core.memory.tensors import TensorPeak, unmetered

REPEATS = 1  # a plan needs to know which unit is dear, not by how many microseconds


class ModeCost(NamedTuple):
    """One unit, recorded in one mode. Bytes are above those of the unit's input."""

    forward_s: float
    backward_s: float
    forward_peak_bytes: int
    held_bytes: int  # after the forward, the output included
    kept_bytes: int  # the same once nobody else holds the output
    backward_peak_bytes: int  # with the gradients of output, input and parameters
    released_peak_bytes: int  # the same where each parameter's gradient is consumed at once

    def quicker(self, other: "ModeCost") -> "ModeCost":
        """The lesser seconds of two runs."""
        return self._replace(
            forward_s=min(self.forward_s, other.forward_s), backward_s=min(self.backward_s, other.backward_s)
        )


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


_known: Dict[Tuple[Any, ...], UnitCost] = {}  # by all that a unit's cost depends on in this process


def measure(
    units: Sequence[nn.Module], inputs: Tensor, modes: Sequence[str], momentum: bool = True, repeats: int = REPEATS
) -> Profile:
    """Profile a chain whose last unit returns the loss. Leaves parameters, statistics and random numbers as they were.

    Holds one unit's activations at a time, so it fits where training with recomputation does. Without `repeats` no
    time is taken, and all of them are 0.
    """
    chained = nn.ModuleList(units)
    costs = []
    hidden = inputs
    with torch.random.fork_rng(devices=[]), norm_statistics_kept(chained), unmetered(), _Meter() as meter:
        for index, unit in enumerate(units):
            trial = _Trial(unit, hidden, index == 0, meter)
            key = (*trial.signature, tuple(modes), repeats)
            if key not in _known:
                _known[key] = trial.cost(modes, repeats)
            costs.append(_known[key])
            hidden = trial.run_pass()
            del trial  # it holds the unit's input
    return Profile(static_bytes(chained, inputs, momentum), tuple(costs))


def static_bytes(model: nn.Module, inputs: Tensor, momentum: bool) -> int:
    """Bytes that live through the whole step: weights, buffers, momentum of what is trained, the batch."""
    trained = [p for p in model.parameters() if p.requires_grad] if momentum else []
    return sum(_bytes(t) for t in [*model.parameters(), *model.buffers(), *trained, inputs])


class _Meter(TensorPeak):  # type: ignore[no-untyped-call]
    """Gradients of parameters are released in its runs; `full_peak_bytes` is the peak as if they were not."""

    def __init__(self) -> None:
        super().__init__(new_only=True)
        self._gradients: Set[int] = set()
        self._released_bytes = 0
        self.full_peak_bytes = 0

    def begin(self) -> None:
        """Peaks count from here."""
        self._released_bytes = 0
        self.peak_bytes = self.full_peak_bytes = self.live_bytes

    def release(self, parameter: Tensor) -> None:
        assert parameter.grad is not None, "backward comes first"
        self._gradients.add(parameter.grad.untyped_storage()._cdata)
        parameter.grad = None

    def _count(self, tensor: Tensor, counts: bool = True) -> None:
        super()._count(tensor, counts)
        self.full_peak_bytes = max(self.full_peak_bytes, self.live_bytes + self._released_bytes)

    def _freed(self, key: int, size: int) -> None:
        super()._freed(key, size)
        if key in self._gradients:
            self._gradients.remove(key)
            self._released_bytes += size


class _Moment(NamedTuple):
    """What there was between two parts of a run; bytes are above those at its beginning."""

    time_s: float
    live_bytes: int
    peak_bytes: int  # since the moment before
    full_peak_bytes: int


class _Trial:
    """Runs of one unit on its input."""

    def __init__(self, unit: nn.Module, hidden: Tensor, first: bool, meter: _Meter) -> None:
        self._unit = unit
        self._hidden = hidden
        self._first = first
        self._meter = meter
        self._parameters = [p for p in unit.parameters() if p.requires_grad]

    @property
    def signature(self) -> Tuple[Any, ...]:
        """Equal for units that cost the same."""
        layers = tuple(module.training for module in self._unit.modules())
        trained = tuple((tuple(p.shape), p.requires_grad) for p in self._unit.parameters())
        hidden = (tuple(self._hidden.shape), self._hidden.stride(), self._hidden.dtype)
        return (repr(self._unit), layers, trained, hidden, self._first, torch.get_num_threads())

    def cost(self, modes: Sequence[str], repeats: int) -> UnitCost:
        """The last mode goes first: what only a first run costs then falls on a rare mode, not on plain keeping."""
        found = {mode: self._run(MODES[mode]) for mode in reversed(modes)}
        before = self._meter.live_bytes
        self._meter.begin()
        seconds = [self._pass_s()]
        peak_bytes = self._meter.peak_bytes - before
        for _ in range(repeats - 1):  # taking turns, so that a disturbance does not meet one mode alone
            seconds.append(self._pass_s())
            found = {mode: cost.quicker(self._run(MODES[mode])) for mode, cost in found.items()}
        if not repeats:
            seconds = [0.0]
            found = {mode: cost._replace(forward_s=0.0, backward_s=0.0) for mode, cost in found.items()}
        gradient_bytes = sum(_bytes(p) for p in self._parameters)
        return UnitCost(self._output_bytes, gradient_bytes, min(seconds), peak_bytes, found)

    def run_pass(self) -> Tensor:
        with torch.no_grad():
            return self._unit(self._hidden)

    def _pass_s(self) -> float:
        started_s = time.perf_counter()
        self.run_pass()
        return time.perf_counter() - started_s

    def _run(self, keep: Keep) -> ModeCost:
        """Forward and backward."""
        self._before_bytes = self._meter.live_bytes
        start = self._moment()
        tape, output = record(self._unit, self._hidden, keep, not self._first)
        held = self._moment()
        gradient = [torch.ones_like(output)]
        self._output_bytes = _bytes(output)
        del output
        kept = self._moment()
        with gradients_consumed(self._parameters, self._meter.release):
            play_back(tape, gradient)
        end = self._moment()
        return ModeCost(
            forward_s=held.time_s - start.time_s,
            backward_s=end.time_s - kept.time_s,
            forward_peak_bytes=held.peak_bytes,
            held_bytes=held.live_bytes,
            kept_bytes=kept.live_bytes - self._output_bytes,  # the output's gradient is there already
            backward_peak_bytes=end.full_peak_bytes,
            released_peak_bytes=end.peak_bytes,
        )

    def _moment(self) -> _Moment:
        meter, before = self._meter, self._before_bytes
        moment = _Moment(
            time.perf_counter(),
            meter.live_bytes - before,
            meter.peak_bytes - before,
            meter.full_peak_bytes - before,
        )
        meter.begin()
        return moment


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()
