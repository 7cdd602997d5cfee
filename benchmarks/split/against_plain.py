"""`against_plain MODEL BATCH SHARE ROUNDS`: a plan for SHARE of plain training's tensor peak, beside plain training.

Steps take turns, plain first, and each pair gives one ratio. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from benchmarks.split.setting import Training
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.base import plain_step


def seconds(step: Callable[[], object]) -> float:
    """Of CPU time: with one thread that is the step's, whatever else runs on the machine."""
    started_s = time.process_time()
    step()
    return time.process_time() - started_s


def peak(step: Callable[[], object]) -> int:
    with TensorPeak() as meter:
        step()
    return meter.peak_bytes


def main() -> None:
    name, batch, share, rounds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    training = Training(name, batch)

    def plain() -> None:
        plain_step(training.model, training.inputs, training.labels)
        training.optimiser.step()

    def planned() -> None:
        steps.step(training.inputs, training.labels, training.optimiser)

    plain()
    plain_bytes = peak(plain)
    steps = PlannedSteps(training.model.live_units(), EXACT, budget.script([int(share * plain_bytes)]))
    planned()
    assert steps.plan is not None
    found = {
        "plain_bytes": plain_bytes,
        "planned_bytes": peak(planned),
        "predicted_bytes": steps.plan.peak_bytes,
        "modes": steps.plan.modes,
    }
    pairs = [(seconds(plain), seconds(planned)) for _ in range(rounds)]
    print(json.dumps({**found, "time_ratios": [ours / theirs for theirs, ours in pairs]}))


if __name__ == "__main__":
    main()
