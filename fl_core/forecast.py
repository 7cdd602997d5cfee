"""What training would cost here, by method, before anything is trained: peaks, seconds of a step, bytes on the wire.

`python3 -m fl_core.forecast` reads {"model", "shape", "classes", "batch", "budgets"} as JSON from stdin, budgets being
process bytes or null, and prints one list of `Choice`s per budget. Tensor peaks are exact (`fl_core.memory.profile`);
process peaks are those and what one measured step had beside its tensors: interpreter, torch and kernels' workspace.
"""

import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

import torch
from torch import nn

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BudgetTooSmall
from fl_core.memory import budget
from fl_core.memory.chain import Loss, chain
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.process import high_water_bytes, reset_high_water
from fl_core.memory.profile import REPEATS, Profile, measure
from fl_core.memory.schedule import Plan, keep_all, simulate
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole


class Choice(NamedTuple):
    """One way to train. `step_s`: on the device, without the wire."""

    method: str
    setting: str
    peak_tensor_bytes: int
    peak_process_bytes: Optional[int]
    step_s: float
    round_bytes: int  # both ways together
    batch_bytes: int  # the same, for every batch
    fits: Optional[bool]  # None: there is no budget, or no process peak
    largest_batch: Optional[int]  # about, for the method at its leanest; None: as above


class _Profiles:
    """The chains of whole training and of each device part of a split, at one batch. Random images cost what any do."""

    def __init__(self, spec: ModelSpec, batch: int, repeats: int) -> None:
        inputs = torch.randn(batch, *spec.input_shape).contiguous(memory_format=torch.channels_last)
        loss = Loss(torch.randint(0, spec.classes, (batch,)))
        units = [*chain(_built(spec, whole(spec)).live_units()), loss]
        self.whole = measure(units, inputs, EXACT, repeats=repeats)
        self.planner = Planner(self.whole.released(), EXACT)
        self.parts: Dict[str, Profile] = {}
        for after, name in enumerate(spec.block_names[:-1], start=1):
            device = _built(spec, Part(live=spec.block_names[:after]))
            self.parts[name] = measure(chain(device.live_units()), inputs, ("keep",), repeats=repeats)

    def leanest(self) -> Dict[Tuple[str, str], Plan]:
        """The plan of the smallest peak by method and cut."""
        plans = {("fedavg", ""): _plain(self.whole), ("recompute", ""): self.planner.smallest()}
        return {**plans, **{("split", name): _plain(profile) for name, profile in self.parts.items()}}


class Forecast:
    """Of one model at one batch. How peaks grow with the batch is taken from a second batch, half as large."""

    def __init__(self, spec: ModelSpec, batch: int) -> None:
        self._spec, self._batch = spec, batch
        self._profiles = _Profiles(spec, batch, REPEATS)
        self._leanest = self._profiles.leanest()
        other = batch // 2 if batch >= 4 else batch * 2  # batch norm needs two samples
        others = _Profiles(spec, other, 0).leanest()
        self._growth_bytes = {
            key: (plan.peak_bytes - others[key].peak_bytes) / (batch - other) for key, plan in self._leanest.items()
        }
        self._beside_bytes = _measure_beside(spec, batch)

    def choices(self, budget_bytes: Optional[int]) -> Iterator[Choice]:
        """Whole-model training plainly and by plan, and each cut of a split."""
        names = self._spec.block_names
        for (method, cut), plan in self._leanest.items():
            setting, part, batch_bytes = "", whole(self._spec), 0
            if method == "recompute":
                plan = self._within(budget_bytes)
                setting = ", ".join("{} {}".format(count, mode) for mode, count in sorted(plan.modes.items()))
            if method == "split":
                setting, part = "cut: " + cut, Part(live=names[: names.index(cut) + 1])
                batch_bytes = 2 * self._profiles.parts[cut].units[-1].output_bytes
            process = None if self._beside_bytes is None else plan.peak_bytes + self._beside_bytes
            known = process is not None and budget_bytes is not None
            yield Choice(
                method,
                setting,
                plan.peak_bytes,
                process,
                plan.step_s,
                2 * _bytes(_built(self._spec, part)),
                batch_bytes,
                process <= budget_bytes if known else None,  # type: ignore[operator]
                self._largest_batch((method, cut), budget_bytes),
            )

    def _within(self, budget_bytes: Optional[int]) -> Plan:
        """The fastest plan within the budget; the leanest where there is none, or where none fits."""
        if budget_bytes is not None and self._beside_bytes is not None:
            try:
                return self._profiles.planner.plan(budget_bytes - self._beside_bytes)
            except BudgetTooSmall:
                pass
        return self._leanest["recompute", ""]

    def _largest_batch(self, key: Tuple[str, str], budget_bytes: Optional[int]) -> Optional[int]:
        if budget_bytes is None or self._beside_bytes is None:
            return None
        spare_bytes = budget_bytes - self._beside_bytes - self._leanest[key].peak_bytes
        return max(0, self._batch + int(spare_bytes // self._growth_bytes[key]))


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
    asked: Dict[str, Any] = json.load(sys.stdin)
    torch.set_num_threads(1)
    spec = resolve("model", MODELS, asked["model"])(tuple(asked["shape"]), asked["classes"])
    forecast = Forecast(spec, asked["batch"])
    found: List[List[Dict[str, Any]]] = [[c._asdict() for c in forecast.choices(most)] for most in asked["budgets"]]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
