"""The controller's end of the line, against the real agent."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from harness.board import agent_line
from harness.clock import clock_map, now_s
from tests.agent.agent_client import HOLDER, wait_for


class Pipe:
    """A line to a program of this machine."""

    stderr_tail = ""

    def __init__(self, argv: list[str], folder: Path) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(argv, cwd=folder, stdin=pipe, stdout=pipe, text=True)

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def write_line(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def read_line(self, timeout_s: float | None = None) -> str | None:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.stdout.close()
        return line or None

    def end_input(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()

    def close(self) -> None:
        self.end_input()
        self._process.wait()


def test_signs_of_life_read_the_clock(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_line, "PING_INTERVAL_S", 0.05)
    pipe = Pipe([sys.executable, "-m", "agent", "--root", str(tmp_path)], code)
    events: list[agent_line.Event] = []
    line = agent_line.AgentLine("here", pipe, events.append)
    try:
        began_s = now_s()
        assert line.ask("hello", 10.0, holder=HOLDER)["ok"]
        readings = []
        wait_for(lambda: readings.extend(line.take_clock()) or len(readings) >= 4)
        assert all(a.controller_s < b.controller_s for a, b in pairwise(readings))
        assert all(began_s < each.controller_s < now_s() for each in readings)
        # One machine, one raw clock: the true offset is 0.
        assert all(abs(each.raw_offset_s) <= each.uncertainty_s and each.exchanges == 1 for each in readings)
        assert clock_map(readings).jumps == ()
    finally:
        line.close()
        wait_for(lambda: {"event": "closed"} in events)
