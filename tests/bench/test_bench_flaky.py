"""A board that fails for no reason of the method's: its cell is tried again; failing again, it is quarantined."""

from __future__ import annotations

import json
from collections.abc import Callable

import pandas as pd
import psutil

from tests.bench.conftest import Command

Wait = Callable[[Callable[[], bool], float], None]


def cmdline(process: psutil.Process) -> list[str]:
    """Empty for one that ended meanwhile."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def agents(command: Command) -> list[psutil.Process]:
    """Agents beside which a worker trains."""
    words = [(process, cmdline(process)) for process in command.processes()]
    trains = any("fl_core.worker" in line for _, line in words)
    return [process for process, line in words if "agent" in line and "--root" in line] if trains else []


def test_a_lost_board_is_tried_again_with_its_reason_and_then_quarantined(command: Command, wait_until: Wait) -> None:
    process = command.start(command.study(rounds=150, batches="null"))
    for _ in range(2):
        wait_until(lambda: bool(agents(command)), 40)
        for agent in agents(command):
            agent.kill()
        wait_until(lambda: not agents(command), 10)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 3, output
    (run,) = command.runs
    tries = [json.loads(line) for line in (run / "tries.jsonl").read_text().splitlines()]
    assert [one["attempt"] for one in tries] == [1, 2] and all("lost" in one["failed"]["nano-01"] for one in tries)
    assert "tried again, nano-01 failed it" in output
    assert pd.read_parquet(run / "cells.parquet").outcome.tolist() == ["lost"]
    health = json.loads((command.results / ".health.json").read_text())["nano-01"]
    assert health["state"] == "quarantined" and "2 failures in 2 tries" in health["reason"]
    assert command.run(command.study())[0] == 0  # the next run is a new chance
    assert json.loads((command.results / ".health.json").read_text())["nano-01"]["state"] == "probation"
