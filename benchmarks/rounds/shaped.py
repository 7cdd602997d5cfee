"""`python -m benchmarks.rounds.shaped`: ResNet18 rounds and raw TCP copies of the same bytes over a 1 Gbit/s loopback.

It runs itself again in a network namespace of its own, whose only device is a loopback slowed down by `tc`: both ways
share the rate, as a copy and a round both go down first and up afterwards. Prints one JSON object, times in seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np

from benchmarks.rounds import transports
from benchmarks.rounds.rounds import empty_rounds

SHAPE = "ip link set lo up && tc qdisc add dev lo root tbf rate 1gbit burst 256kb latency 50ms"
PARAMETERS = 11_173_962 + 9_620  # ResNet18 for ten classes, and its batch-norm statistics
ROUNDS = 8


def enter() -> dict[str, list[float]]:
    """The measurement, in a namespace of its own. Raises `CalledProcessError` where none can be made."""
    inside = f'{SHAPE} && exec "{sys.executable}" -m benchmarks.rounds.shaped inside'
    done = subprocess.run(["unshare", "-rn", "sh", "-c", inside], capture_output=True, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout)
    return found


def measure() -> dict[str, list[float]]:
    transports.CARRIERS = {"tcp": transports.CARRIERS["tcp"]}
    model = np.zeros(PARAMETERS, np.float32)
    before = transports.measure(model, ROUNDS // 2)["tcp"]
    events = empty_rounds("resnet18", 1, ROUNDS).events
    after = transports.measure(model, ROUNDS // 2)["tcp"]
    explained = [1 - event["clients"]["c0"]["seconds"]["unexplained"] / event["round_s"] for event in events]
    return {
        "tcp_s": [cost.seconds for cost in [*before, *after]],
        "round_s": [event["round_s"] for event in events],
        "explained": explained,
    }


if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"
    print(json.dumps(measure() if sys.argv[1:] == ["inside"] else enter()))
