"""`lab down` leaves nothing, whenever `lab up` was killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from harness.fault_kinds import FaultKind
from harness.lab.plan import STATE, lab_namespace
from tests.lab.conftest import PLAN, LiveLab

# A sign on the machine that `lab up` has come so far; it is killed as soon as that is there.
MOMENTS = {
    "a folder and no plan": lambda lab: (STATE / lab.name).exists(),
    "namespaces": lambda lab: Path("/run/netns", lab_namespace(lab.name)).exists(),
    "a board that boots": lambda lab: (STATE / lab.name / "boards" / "nano" / "console.log").exists(),
    "the first board": lambda lab: (STATE / lab.name / "boards" / "nano" / "panel" / "ready.json").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_removes_what_a_killed_up_had_made(cut_off: LiveLab, moment: str) -> None:
    up = cut_off.start_up()
    while not MOMENTS[moment](cut_off) and up.poll() is None:
        time.sleep(0.001)
    os.kill(up.pid, signal.SIGKILL)
    up.communicate()
    assert cut_off.traces()
    cut_off.down()
    assert cut_off.traces() == []


def test_a_whole_lab_with_faults_leaves_nothing(cut_off: LiveLab) -> None:
    """The worst of them: processes that do not die, a wire that is played, a hand that plugs it in and out."""
    cut_off.up()
    for board, kind in (("nano", FaultKind.HANG), ("far", FaultKind.LINK_FLAPPING), ("pi", FaultKind.OUT_OF_MEMORY)):
        cut_off.fault(board, kind)
    cut_off.down()
    assert cut_off.traces() == []


def test_a_lab_that_cannot_be_built_leaves_nothing(cut_off: LiveLab) -> None:
    building = cut_off.start_up(PLAN.replace("rate_mbit: 20", "rate_mbit: 1.0e-9"))
    assert "`tc -n" in building.communicate(timeout=100)[0] and building.returncode == 1
    assert cut_off.traces() == []
