"""`lab down` leaves nothing, whenever `lab up` was killed; and the command says what is wrong in a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.lab.plan import STATE, lab_namespace
from tests.lab.conftest import LiveLab, environment

# A sign on the machine that `lab up` has come so far; it is killed as soon as that is there.
MOMENTS = {
    "a folder and no plan": lambda lab: (STATE / lab.name).exists(),
    "namespaces": lambda lab: Path("/run/netns", lab_namespace(lab.name)).exists(),
    "a board that boots": lambda lab: (STATE / lab.name / "nano" / "console.log").exists(),
    "the first board": lambda lab: (STATE / lab.name / "nano" / "panel" / "ready.json").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_down_removes_what_a_killed_up_had_made(cut_off: LiveLab, moment: str) -> None:
    up = cut_off.start_up()
    while not MOMENTS[moment](cut_off) and up.poll() is None:
        time.sleep(0.001)
    os.kill(up.pid, signal.SIGKILL)
    up.communicate()
    assert cut_off.traces()
    cut_off.run("down")
    assert cut_off.traces() == []


def test_a_whole_lab_with_faults_leaves_nothing(cut_off: LiveLab) -> None:
    """The worst of them: processes that do not die, a wire that is played, a hand that plugs it in and out."""
    output = cut_off.start_up().communicate(timeout=60)[0]
    assert "3 boards are up" in output
    for board, kind in (("nano", "hang"), ("far", "link-flapping")):
        cut_off.run("fault", board, kind)
    assert "link-flapping" in cut_off.run("list")
    again = cut_off.start_up().communicate(timeout=60)[0]
    assert f"there is a lab '{cut_off.name}' already" in again
    cut_off.run("down")
    assert cut_off.traces() == []


def test_unknown_names_are_answered_with_the_known_ones(rack: LiveLab) -> None:
    for words, said in (
        (["fault", "nan", "hang"], f"unknown board of lab '{rack.name}' 'nan'\n  did you mean 'nano'?"),
        (["fault", "nano", "hangs"], "'hangs' is not one of 'out-of-memory', 'hang',"),
    ):
        done = subprocess.run(rack.command(*words), env=environment(), text=True, capture_output=True)
        assert done.returncode == 2 and said in done.stderr
    nobody = LiveLab(name="nobody", folder=Path("."))
    done = subprocess.run(nobody.command("down"), env=environment(), text=True, capture_output=True)
    assert done.returncode == 2 and "unknown lab 'nobody'" in done.stderr
