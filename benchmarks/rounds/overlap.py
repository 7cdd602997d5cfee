"""How much of an exchange disappears behind compute when the next batch is worked on while the last one travels."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.rounds.transports import echo_link
from fl_core.link import grpc_link
from fl_core.link.base import Message

BATCHES = 40
SIDE, PRODUCTS = 512, 4  # of the work between two batches: a few times what the exchange takes, on one thread


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Seconds a batch."""

    compute_s: float
    in_turn_s: float
    pipelined_s: float

    @property
    def hidden(self) -> float:
        """Share of the exchange's time that pipelining takes away."""
        return (self.in_turn_s - self.pipelined_s) / (self.in_turn_s - self.compute_s)


def measure(array: np.ndarray, repetitions: int) -> list[Overlap]:
    """Compute alone, exchanges in turn with it, and one exchange ahead of it, interleaved."""
    command = [sys.executable, "-m", "benchmarks.rounds.overlap"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdout is not None
        channel = grpc_link.connect(far.stdout.readline().strip(), 10)
        torch.set_num_threads(1)
        matrix = torch.ones(SIDE, SIDE)

        def compute() -> None:
            for _ in range(PRODUCTS):
                torch.mm(matrix, matrix)

        def in_turn() -> None:
            compute()
            channel.send(Message("batch", {}, {"x": array}))
            channel.receive()

        def pipelined() -> None:
            compute()
            channel.send(Message("batch", {}, {"x": array}))
            under_way.append(1)
            if len(under_way) > 1:
                under_way.pop()
                channel.receive()

        try:
            found = []
            for _ in range(repetitions + 1):
                under_way: list[int] = []
                times = [_per_batch(step) for step in (compute, in_turn, pipelined)]
                channel.receive()
                found.append(Overlap(compute_s=times[0], in_turn_s=times[1], pipelined_s=times[2]))
            return found[1:]
        finally:
            channel.close()
            far.kill()


def _per_batch(step: Callable[[], None]) -> float:
    seconds = []
    for _ in range(BATCHES):
        started_s = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started_s)
    return statistics.median(seconds)


if __name__ == "__main__":
    echo_link(None)
