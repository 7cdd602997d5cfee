"""Rounds of the core's own programs on this machine, without training: what the engine itself costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from fl_core.job import Job
from harness.board.board import ALLOCATORS
from harness.datasets import find

WARM_UP = 3
END_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """What server and workers said of the rounds after the warm-up."""

    gaps_s: list[float]  # from the end of one round to the end of the next, evaluation included
    events: list[dict[str, Any]]
    workers: list[list[dict[str, Any]]]  # the events of each


def empty_rounds(model: str, clients: int, rounds: int) -> Rounds:
    """Train (no batch) and evaluate: the model travels down and up, is averaged and tested."""
    names = [f"c{index}" for index in range(clients)]
    job = Job("fedavg", model, "digits", {"kind": "iid"}, names, 32, rounds + WARM_UP, 0.1, 1, batches_per_round=0,
              rehearse_batches=0)  # fmt: skip
    data = str(find("digits").folder)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job.to_json()))
        server = _program("server", "--job", str(folder / "job.json"), "--data", data)
        programs = [server]
        try:
            assert server.stdout is not None
            address = json.loads(server.stdout.readline())["address"]
            for client in names:
                files = ["--data", data, "--events", str(folder / f"{client}.jsonl")]
                programs.append(_program("worker", "--server", address, "--client", client, *files))
            ends_s, events = _follow(server.stdout)
            for program in programs[1:]:
                program.wait(END_S)
        finally:
            for program in programs:
                program.kill()
                program.communicate()
        workers = [[json.loads(line) for line in (folder / f"{client}.jsonl").open()] for client in names]
    gaps_s = [end_s - start_s for start_s, end_s in pairwise(ends_s)]
    return Rounds(gaps_s=gaps_s[WARM_UP - 1 :], events=events[WARM_UP:], workers=workers)


def _follow(lines: IO[str]) -> tuple[list[float], list[dict[str, Any]]]:
    """When each round ended, and what the server said of it."""
    ends_s, events = [], []
    for line in lines:
        event = json.loads(line)
        if event["event"] == "round":
            ends_s.append(time.perf_counter())
            events.append(event)
        elif event["event"] == "done":
            return ends_s, events
    raise RuntimeError("the server ended before its last round")


def _program(module: str, *arguments: str) -> subprocess.Popen[str]:
    """As the harness starts it: a worker under the fixed allocator."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(ALLOCATORS["fixed"] if module == "worker" else {})}
    command = [sys.executable, "-m", "benchmarks.rounds.core", module, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
