"""Every fault, in every phase of a cell: the run ends, healthy boards complete, and the verdict says what was wrong.

`matrix.json` holds for each fault and phase the outcomes that may be, what the verdict must say, and what the raw files
must show where the board goes on: a fault that comes when nothing is asked of it any more has no effect, and
"completed" is then the right verdict. Boards with different faults share a rack: they must not disturb each other.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.fault_kinds import FaultKind
from harness.lab.false_clock import library
from tests.lab.conftest import ROOT, LiveLab, environment

MATRIX: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("matrix.json").read_text())
CELL_S = 90  # the FL server waits half of it for a board in a round
VARS = (
    "{virtual: namespace, image: virtual, memory_budget_mb: 512, connect_timeout_s: 3, command_timeout_s: 5,"
    " idle_s: 0, cool_down_s: 0, sidecars: []}"
)
# What is asked of a board decides its class: rails of a Jetson, flags of a Raspberry Pi.
CLASS_OF = {FaultKind.THERMAL_THROTTLING: "raspberry-pi-4", FaultKind.UNDER_VOLTAGE: "raspberry-pi-4"}
BATCHES = [
    ["sshd-stalls", "wrong-host-key", "no-python", "disk-full", "sensor-loss"],
    ["out-of-memory", "hang", "reboot", "power-loss", "link-down"],
    ["link-flapping", "slow-link", "thermal-throttling", "under-voltage"],
    ["clock-jump", "clock-drift"],
]


def test_every_fault_is_in_the_matrix() -> None:
    assert sorted(MATRIX) == sorted(FaultKind) == sorted(kind for batch in BATCHES for kind in batch)


def rehearse(lab: LiveLab, phase: str, kinds: list[str]) -> dict[str, Any]:
    """The verdicts, by fault, and of the board `healthy`. The lab is gone afterwards."""
    hosts = {"healthy": "jetson-nano", **{kind: CLASS_OF.get(FaultKind(kind), "jetson-nano") for kind in kinds}}
    body = ", ".join(f"{name}: {{board_class: {board_class}}}" for name, board_class in hosts.items())
    lab.up(f"all: {{vars: {VARS}, hosts: {{{body}}}}}")
    words = [str(lab.inventory), str(lab.folder / "results"), phase, json.dumps({kind: kind for kind in kinds})]
    command = [sys.executable, str(Path(__file__).with_name("rehearse.py")), *words, str(CELL_S)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), text=True, capture_output=True, timeout=4 * CELL_S)
    assert done.returncode == 0, done.stderr
    lab.down()
    assert lab.traces() == []
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def hold(verdict: dict[str, Any], phase: str, kinds: list[str]) -> None:
    boards = verdict["boards"]
    assert verdict["state"] == "finished" and boards["healthy"]["outcome"] == "completed", verdict
    for kind in kinds:
        outcomes, says, *shows = MATRIX[kind][phase]
        board = boards[kind]
        assert re.fullmatch(outcomes, board["outcome"]), (kind, board)
        assert re.search(says, board["detail"]), (kind, board)
        for what in shows:
            assert shown(board, what), (kind, what, board)


def shown(board: dict[str, Any], what: str) -> bool:
    """Whether the raw files tell of the fault."""
    if what == "failed":
        return any(fault["source"].startswith("jetson_power/") for fault in board["sensor_faults"])
    if what == "clock":
        return any(abs(reading["board_raw_s"] - reading["controller_s"]) > 1.0 for reading in board["clock"])
    return bool(board["sensors"].get(f"throttle/{what}"))


def test_a_cross_section(cut_off: LiveLab) -> None:
    kinds = ["wrong-host-key", "no-python", "power-loss"]
    hold(rehearse(cut_off, "provision", kinds), "provision", kinds)


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("FEDRACK_SLOW"), reason="slow: set FEDRACK_SLOW=1")
@pytest.mark.timeout(600)
@pytest.mark.parametrize("phase", ["provision", "round", "collect"])
@pytest.mark.parametrize("kinds", BATCHES, ids="+".join)
def test_the_matrix(cut_off: LiveLab, phase: str, kinds: list[str]) -> None:
    if "clock-jump" in kinds and library() is None:
        pytest.skip("false clocks need libfaketime: apt-get install libfaketime")
    hold(rehearse(cut_off, phase, kinds), phase, kinds)
