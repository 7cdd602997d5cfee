"""A program that simulates rounds, watched from outside: when each round ended, and what its processes held."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import psutil

SAMPLE_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Course:
    first_s: float  # from the start of the program to the end of its first round
    rounds_s: list[float]  # of those after the first
    samples: list[int]  # trained in each of these
    peak_pss_bytes: int  # of the program and all its children, as sampled

    @property
    def rates(self) -> list[float]:
        """Samples per second, round by round."""
        return [samples / seconds for samples, seconds in zip(self.samples, self.rounds_s, strict=True)]


def follow(command: Sequence[str], environment: Mapping[str, str], cwd: str) -> Course:
    """Run the program to its end; it prints a JSON line with `round` and `samples` as each round ends."""
    started_s = time.perf_counter()
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=cwd) as run:
        memory = _Memory(run.pid)
        memory.start()
        assert run.stdout is not None
        ends = [(time.perf_counter(), json.loads(line)) for line in run.stdout if line.startswith('{"round"')]
        memory.over.set()
        memory.join()
    if len(ends) < 2:
        raise subprocess.CalledProcessError(run.returncode, list(command))
    return Course(
        first_s=ends[0][0] - started_s,
        rounds_s=[after - before for (before, _), (after, _) in pairwise(ends)],
        samples=[said["samples"] for _, said in ends[1:]],
        peak_pss_bytes=memory.peak_bytes,
    )


class _Memory(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self.peak_bytes = 0
        self._root = psutil.Process(pid)

    def run(self) -> None:
        while not self.over.wait(SAMPLE_S):
            self.peak_bytes = max(self.peak_bytes, self._now_bytes())

    def _now_bytes(self) -> int:
        total = 0
        try:
            processes = [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        for process in processes:
            try:
                total += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return total
