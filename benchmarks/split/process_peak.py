"""`process_peak MODEL BATCH SHARE`: the kernel's high-water mark of two steps, in a fresh process.

SHARE of plain training's tensor peak is the plan's budget; `plain` trains plainly, 0 is the smallest plan. The profile
and a warm-up step come before the mark is reset, as in a worker's rehearsal. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys

from benchmarks.split.setting import Training
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.process import high_water_bytes, reset_high_water
from fl_core.methods.base import plain_step


def main() -> None:
    name, batch, share = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    training = Training(name, batch)
    limit = budget.smallest() if share in ("0", "plain") else budget.share_of_plain(float(share))
    steps = PlannedSteps(training.model.live_units(), EXACT, limit)

    def step() -> None:
        if share == "plain":
            plain_step(training.model, training.inputs, training.labels)
            training.optimiser.step()
        else:
            steps.step(training.inputs, training.labels, training.optimiser)

    step()
    reset_high_water()
    step()
    step()
    print(json.dumps({"peak_bytes": high_water_bytes()}))


if __name__ == "__main__":
    main()
