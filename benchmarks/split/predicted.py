"""`predicted MODEL BATCH SHARE...`: a plan's peak as predicted beside the tensor meter's, for shares of plain's peak.

Also the seconds that the first step took to profile and plan. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.split.setting import Training
from fl_core.memory import budget
from fl_core.memory.chain import Loss, chain
from fl_core.memory.modes import EXACT
from fl_core.memory.plan import Planner
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.profile import measure
from fl_core.memory.tensors import TensorPeak


def main() -> None:
    training = Training(sys.argv[1], int(sys.argv[2]))
    units = [*chain(training.model.live_units()), Loss(training.labels)]
    started_s = time.process_time()
    profile = measure(units, training.inputs, EXACT)
    Planner(profile.released(), EXACT)
    taken_s = time.process_time() - started_s
    steps = PlannedSteps(training.model.live_units(), EXACT, budget.smallest())
    pairs = []
    for share in map(float, sys.argv[3:]):
        steps.limit = budget.share_of_plain(share)
        steps.step(training.inputs, training.labels, training.optimiser)
        assert steps.plan is not None
        with TensorPeak() as meter:
            steps.step(training.inputs, training.labels, training.optimiser)
        pairs.append((steps.plan.peak_bytes, meter.peak_bytes))
    print(json.dumps({"profile_s": taken_s, "pairs": pairs}))


if __name__ == "__main__":
    main()
