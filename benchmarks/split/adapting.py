"""`adapting CHANGES`: a budget that changes before every step, at random between the smallest plan and plain training.

Prints the changes, the steps above their budget, and the seconds that a new plan took. One JSON object.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time

import torch
from torch import nn

from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.schedule import keep_all, simulate
from fl_core.memory.tensors import TensorPeak
from fl_core.models.cnn import conv_unit, pooled_head

DEPTH, WIDTH, SIDE, BATCH = 8, 16, 16, 4  # small, so that a thousand steps are soon done


def main() -> None:
    changes = int(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    units = [conv_unit(3 if i == 0 else WIDTH, WIDTH, 1) for i in range(DEPTH)] + [pooled_head(WIDTH, 10)]
    inputs, labels = torch.randn(BATCH, 3, SIDE, SIDE), torch.randint(0, 10, (BATCH,))
    optimiser = SGD(nn.ModuleList(units).parameters(), lr=0.01, momentum=0.9)
    first = PlannedSteps(units, EXACT, budget.smallest())
    first.step(inputs, labels, optimiser)
    assert first.profile is not None and first.plan is not None
    released = first.profile.released()
    least, most = first.plan.peak_bytes, simulate(released, keep_all(len(released.units))).peak_bytes
    chance = random.Random(0)
    script = [chance.randint(least + 2**14, most) for _ in range(changes)]
    steps = PlannedSteps(units, EXACT, budget.script(script))
    above = 0
    with TensorPeak() as meter:
        steps.step(inputs, labels, optimiser)
        beside = meter.live_bytes - released.static_bytes
        for budget_bytes in script[1:]:
            meter.peak_bytes = meter.live_bytes
            steps.step(inputs, labels, optimiser)
            above += meter.peak_bytes - beside > budget_bytes
    print(json.dumps({"changes": changes, "above": above, "plan_s": plan_seconds(Planner(released, EXACT), script)}))


def plan_seconds(planner: Planner, script: list[int]) -> list[float]:
    """Median and most."""
    taken = []
    for budget_bytes in script:
        started_s = time.perf_counter()
        planner.plan(budget_bytes)
        taken.append(time.perf_counter() - started_s)
    return [statistics.median(taken), max(taken)]


if __name__ == "__main__":
    main()
