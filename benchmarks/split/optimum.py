"""`optimum MODEL BATCH`: how far the planner's rounding to slots can be from the exact optimum, on a measured profile.

Whatever plan is optimal within a budget also fits, rounded up, into the budget and one slot per unit more, so the
table's time there is a lower bound of the optimum's. Prints the largest ratio over all budgets. One JSON object.
"""

from __future__ import annotations

import json
import sys

from benchmarks.split.setting import Training
from fl_core.memory.chain import Loss, chain
from fl_core.memory.modes import EXACT
from fl_core.memory.plan import Planner
from fl_core.memory.profile import measure
from fl_core.memory.schedule import keep_all, simulate

BUDGETS = 40


def main() -> None:
    training = Training(sys.argv[1], int(sys.argv[2]))
    units = [*chain(training.model.live_units()), Loss(training.labels)]
    profile = measure(units, training.inputs, EXACT).released()
    planner = Planner(profile, EXACT)
    slack = (len(units) + 1) * planner.slot_bytes
    least, most = planner.smallest().peak_bytes + slack, simulate(profile, keep_all(len(units))).peak_bytes
    ratios = []
    for index in range(BUDGETS):
        budget_bytes = least + (most - least) * index // (BUDGETS - 1)
        ratios.append(planner.plan(budget_bytes).step_s / planner.plan(budget_bytes + slack).step_s)
    print(json.dumps({"worst": max(ratios), "budgets": BUDGETS, "slack_share": slack / most}))


if __name__ == "__main__":
    main()
