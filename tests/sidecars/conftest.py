"""Sidecars started as the agent starts them, beside programs and modules that stand in for a board's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.agent.sidecars import Sidecars

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STAND_INS = HERE / "stand_ins"
RECORDED = ROOT / "tests" / "recorded" / "tegrastats"

Record = dict[str, Any]


class Trace:
    """What a sidecar has written so far."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> list[Record]:
        text = self.path.read_text() if self.path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def about(self) -> Record:
        (found,) = [record["about"] for record in self.records() if "about" in record]
        return dict(found)

    def samples(self) -> list[Record]:
        return [record for record in self.records() if "sensors" in record]

    def merged(self) -> Record:
        """The last value of every sensor, without the sidecar's own cost."""
        values = {key: value for record in self.samples() for key, value in record["sensors"].items()}
        return {key: value for key, value in values.items() if "/own/" not in key}

    def faults(self) -> list[str]:
        return [record["fault"]["what"] for record in self.records() if "fault" in record]

    def until(self, wanted: Callable[[Trace], Any], timeout_s: float = 10.0) -> Any:
        deadline = time.monotonic() + timeout_s
        while not (value := wanted(self)):
            assert time.monotonic() < deadline, self.records()
            time.sleep(0.01)
        return value


class Reader:
    """One reader, started by hand."""

    def __init__(self, name: str, out: Path, rate_hz: float, environment: dict[str, str]) -> None:
        self.trace = Trace(out)
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"harness.agent.sidecars.{name}_reader", "--out", str(out), "--rate", str(rate_hz)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            env=environment,
        )

    def hang_up(self) -> int:
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait(5)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A board with all the programs and modules of stand_ins."""
    monkeypatch.setenv("PATH", str(STAND_INS), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(STAND_INS), prepend=":")
    monkeypatch.syspath_prepend(str(STAND_INS))
    monkeypatch.setenv("TEGRASTATS_LINES", str(RECORDED / "jetpack6-agx-orin.txt"))
    return monkeypatch


@pytest.fixture
def read(board: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Reader]]:
    """Starts readers; at the end each is hung up on."""
    readers: list[Reader] = []

    def start(name: str, rate_hz: float = 20.0, **environment: str) -> Reader:
        readers.append(Reader(name, tmp_path / f"{name}.jsonl", rate_hz, {**os.environ, **environment}))
        return readers[-1]

    yield start
    for reader in readers:
        if reader.process.poll() is None:
            reader.hang_up()
        elif reader.process.stdin:
            reader.process.stdin.close()


@pytest.fixture
def sidecars(board: pytest.MonkeyPatch) -> Iterator[Sidecars]:
    started = Sidecars()
    yield started
    started.stop()
