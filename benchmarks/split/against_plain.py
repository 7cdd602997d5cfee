"""`against_plain MODEL BATCH ROUNDS HOW...`: each way of `benchmarks.split.ways` beside plain training.

Steps take turns, plain first, and each pair gives one ratio. Prints a JSON object per way, in a list.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from benchmarks.split.setting import Training
from benchmarks.split.ways import Step, step_of
from fl_core.memory.tensors import TensorPeak


def seconds(step: Step) -> float:
    """Of CPU time: with one thread that is the step's, whatever else runs on the machine."""
    started_s = time.process_time()
    step()
    return time.process_time() - started_s


def peak(step: Step) -> int:
    with TensorPeak() as meter:
        step()
    return meter.peak_bytes


def main() -> None:
    name, batch, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    training = Training(name, batch)
    plain = step_of(training, "plain")
    plain()
    plain_bytes = peak(plain)

    def compare(how: str) -> dict[str, Any]:
        step = step_of(training, how)
        step()
        pairs = [(seconds(plain), seconds(step)) for _ in range(rounds)]
        ratios = [ours / theirs for theirs, ours in pairs]
        return {"how": how, "peak_ratio": peak(step) / plain_bytes, "time_ratios": ratios}

    print(json.dumps([compare(how) for how in sys.argv[4:]]))


if __name__ == "__main__":
    main()
