"""What training would cost here, by method, before anything is trained: peaks, seconds of a step, bytes on the wire.

`python3 -m fl_core.forecast` reads {"model", "shape", "classes", "batch", "boards"} as JSON from stdin, boards being
fields of `Holder`, and prints one list of `Choice`s per board. Tensor peaks are exact (`fl_core.memory.profile`,
`fl_core.ledger`); process peaks are those and what one measured step had beside its tensors: kernels' workspace, and
interpreter and torch, of the board where its floor was measured.
"""

import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BudgetTooSmall
from fl_core.ledger.stage import stage_cost
from fl_core.memory import budget
from fl_core.memory.chain import Loss, chain
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.process import high_water_bytes, reset_high_water, resident_bytes
from fl_core.memory.profile import Profile, measure
from fl_core.memory.schedule import Plan, keep_all, simulate
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole

HYBRID = (*EXACT, "compress")
REPEATS = 3
Key = Tuple[str, str]  # method, setting


class Holder(NamedTuple):
    """Whose memory it is, in process bytes. `floor_bytes`: after the imports; None: as on this machine."""

    budget_bytes: Optional[int] = None
    floor_bytes: Optional[int] = None


class Choice(NamedTuple):
    """One way to train. `step_s`: on the device, without the wire; None where only the ledger knows the method."""

    method: str
    setting: str
    peak_tensor_bytes: int
    peak_process_bytes: Optional[int]
    growth_bytes: float  # of both peaks with each sample of the batch, about; for planned methods at their leanest
    step_s: Optional[float]
    round_bytes: int  # both ways together, the dearest stage
    batch_bytes: int  # the same, for every batch
    fits: Optional[bool]  # None: there is no budget, or no process peak
    largest_batch: Optional[int]  # about, for the method at its leanest; None: as above


class _Way(NamedTuple):
    """A choice before anybody's budget is known, at its leanest."""

    peak_bytes: int
    step_s: Optional[float]
    round_bytes: int
    batch_bytes: int = 0
    planner: Optional[Planner] = None  # it can take more memory and less time


def _ways(spec: ModelSpec, batch: int, repeats: int) -> Dict[Key, _Way]:
    """Random images cost what any do."""
    inputs = torch.randn(batch, *spec.input_shape).contiguous(memory_format=torch.channels_last)
    loss = Loss(torch.randint(0, spec.classes, (batch,)))
    model = _built(spec, whole(spec))
    profile = measure([*chain(model.live_units()), loss], inputs, HYBRID, repeats=repeats)
    plain, both_ways = _plain(profile), 2 * _bytes(model)
    found = {("fedavg", ""): _Way(plain.peak_bytes, plain.step_s, both_ways)}
    for method, modes in (("recompute", EXACT), ("fedhybrid", HYBRID)):
        planner = Planner(profile.released(), modes)
        least = planner.smallest()
        found[method, ""] = _Way(least.peak_bytes, least.step_s, both_ways, planner=planner)
    found["smartfreeze", "all stages"] = _staged(spec, batch)
    for after, name in enumerate(spec.block_names[:-1], start=1):
        device = _built(spec, Part(live=spec.block_names[:after]))
        part = measure(chain(device.live_units()), inputs, ("keep",), repeats=repeats)
        plan = _plain(part)
        smashed = 2 * part.units[-1].output_bytes
        found["split", "cut: " + name] = _Way(plan.peak_bytes, plan.step_s, 2 * _bytes(device), smashed)
    return found


def _staged(spec: ModelSpec, batch: int) -> _Way:
    """One block at a time, behind an output module: its dearest stage."""
    names = spec.block_names
    parts = [Part((name,), names[:at], names[at + 1 :], head=True) for at, name in enumerate(names)]
    costs = [stage_cost(spec, part, batch) for part in parts]
    return _Way(max(c.peak_bytes for c in costs), None, max(c.down_bytes + c.up_bytes for c in costs))


class Forecast:
    """Of one model at one batch. How peaks grow with the batch is taken from a second batch, half as large."""

    def __init__(self, spec: ModelSpec, batch: int) -> None:
        self._batch = batch
        self._floor_bytes = resident_bytes()
        self._beside_bytes = _measure_beside(spec, batch)  # first: planners' tables are no training
        self._ways = _ways(spec, batch, REPEATS)
        other = batch // 2 if batch >= 4 else batch * 2  # batch norm needs two samples
        others = _ways(spec, other, 0)
        self._growth_bytes = {
            key: (way.peak_bytes - others[key].peak_bytes) / (batch - other) for key, way in self._ways.items()
        }

    def choices(self, holder: Holder) -> Iterator[Choice]:
        """Every method that the forecast knows, and each cut of a split."""
        beside = self._beside(holder)
        for key, way in self._ways.items():
            (method, setting), peak_bytes, step_s = key, way.peak_bytes, way.step_s
            if way.planner is not None:
                plan = _within(way.planner, holder.budget_bytes, beside)
                setting = ", ".join("{} {}".format(count, mode) for mode, count in sorted(plan.modes.items()))
                peak_bytes, step_s = plan.peak_bytes, plan.step_s
            process = None if beside is None else peak_bytes + beside
            known = process is not None and holder.budget_bytes is not None
            yield Choice(
                method,
                setting,
                peak_bytes,
                process,
                self._growth_bytes[key],
                step_s,
                way.round_bytes,
                way.batch_bytes,
                process <= holder.budget_bytes if known else None,  # type: ignore[operator]
                self._largest_batch(key, holder.budget_bytes, beside),
            )

    def _beside(self, holder: Holder) -> Optional[int]:
        """Process bytes beside the tensors, there."""
        if self._beside_bytes is None or holder.floor_bytes is None or self._floor_bytes is None:
            return self._beside_bytes
        return self._beside_bytes - self._floor_bytes + holder.floor_bytes

    def _largest_batch(self, key: Key, budget_bytes: Optional[int], beside_bytes: Optional[int]) -> Optional[int]:
        if budget_bytes is None or beside_bytes is None:
            return None
        spare_bytes = budget_bytes - beside_bytes - self._ways[key].peak_bytes
        return max(0, self._batch + int(spare_bytes // self._growth_bytes[key]))


def _within(planner: Planner, budget_bytes: Optional[int], beside_bytes: Optional[int]) -> Plan:
    """The fastest plan within the budget; the leanest where there is none, or where none fits."""
    if budget_bytes is not None and beside_bytes is not None:
        try:
            return planner.plan(budget_bytes - beside_bytes)
        except BudgetTooSmall:
            pass
    return planner.smallest()


def _measure_beside(spec: ModelSpec, batch: int) -> Optional[int]:
    """Process bytes beside the tensors in a step of the smallest plan."""
    model = _built(spec, whole(spec))
    inputs = torch.randn(batch, *spec.input_shape).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, spec.classes, (batch,))
    optimiser = SGD(model.trained_parameters(), lr=0.0, momentum=0.9)
    steps = PlannedSteps(model.live_units(), EXACT, budget.smallest())
    steps.step(inputs, labels, optimiser)
    if not reset_high_water():
        return None
    steps.step(inputs, labels, optimiser)
    peak = high_water_bytes()
    assert steps.plan is not None
    return None if peak is None else peak - steps.plan.peak_bytes


def _plain(profile: Profile) -> Plan:
    return simulate(profile, keep_all(len(profile.units)))


def _built(spec: ModelSpec, part: Part) -> BlockedModel:
    model = BlockedModel(spec, part)
    model.set_training()
    return model


def _bytes(model: nn.Module) -> int:
    """What travels of it one way."""
    return sum(t.numel() * t.element_size() for t in model.state_dict().values())


def main() -> int:
    from fl_core.link import grpc_link  # noqa: F401 - a worker's floor has it, and so must ours

    asked: Dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(1)
    spec = resolve("model", MODELS, asked["model"])(tuple(asked["shape"]), asked["classes"])
    forecast = Forecast(spec, asked["batch"])
    holders = [Holder(**board) for board in asked["boards"]]
    found: List[List[Dict[str, Any]]] = [[c._asdict() for c in forecast.choices(holder)] for holder in holders]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
