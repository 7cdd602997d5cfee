"""Settings against stand-in programs that behave as documented: set, read back, restored whatever happens."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from harness.errors import CommandFailed, UnknownName, Unreachable
from harness.inventory import Wanted
from harness.settings import applied, put_back
from tests.harness.local_board import LocalBoard

ALL = Wanted(power_mode="MAXN_SUPER", governor="performance", lock_clocks=True)


@pytest.fixture
def board(tmp_path: Path) -> LocalBoard:
    return LocalBoard(tmp_path)


def untouched(board: LocalBoard) -> bool:
    before = ("15W", "102000 1428000", ["schedutil", "schedutil"])
    left = board.target.kept()
    return (board.get("mode"), board.get("clocks"), board.governors()) == before and not left


def test_set_while_inside_and_restored_after(board: LocalBoard) -> None:
    with applied(board.target, ALL):
        assert board.get("mode") == "MAXN_SUPER"
        assert board.get("clocks") == "1428000 1428000"
        assert board.governors() == ["performance", "performance"]
    assert untouched(board)


@pytest.mark.parametrize("error", [RuntimeError("cell failed"), KeyboardInterrupt()])
def test_restored_on_an_error_too(board: LocalBoard, error: BaseException) -> None:
    with pytest.raises(type(error)), applied(board.target, ALL):
        raise error
    assert untouched(board)


def test_nothing_wanted_does_nothing(board: LocalBoard) -> None:
    with applied(board.target, Wanted()):
        assert board.runner.commands == []


def test_the_mode_that_it_has_is_left_alone(board: LocalBoard) -> None:
    with applied(board.target, Wanted(power_mode="15W")):
        pass
    assert not board.has("asked")


def test_a_mode_that_wants_a_reboot_is_reported_and_not_forced(board: LocalBoard) -> None:
    board.put("reboot", "7W")
    wanted = Wanted(power_mode="7W", lock_clocks=True)
    with (
        pytest.raises(CommandFailed, match="power mode 7W needs a reboot; it stays in 15W") as caught,
        applied(board.target, wanted),
    ):
        pytest.fail("it must not begin")
    assert "sudo nvpmodel -m 3" in caught.value.remedy
    assert not board.has("rebooted") and untouched(board)


def test_no_exit_code_is_trusted(board: LocalBoard) -> None:
    board.put("deaf")
    with pytest.raises(CommandFailed, match="MAXN_SUPER was not taken, it is 15W"), applied(board.target, ALL):
        pytest.fail("it must not begin")
    clocks = Wanted(lock_clocks=True)
    with pytest.raises(CommandFailed, match="clocks were not locked"), applied(board.target, clocks):
        pytest.fail("it must not begin")
    assert untouched(board)


def test_what_cannot_be_restored_is_said(board: LocalBoard) -> None:
    with pytest.raises(CommandFailed, match="not restored: cpu0, cpu1, GPU") as caught, applied(board.target, ALL):
        board.put("stuck")
    assert "reboot" in caught.value.remedy
    assert board.get("mode") == "15W" and board.governors() == ["schedutil"] * 2, "the rest is restored all the same"


@pytest.mark.parametrize(
    ("wanted", "remedy"),
    [
        (Wanted(power_mode="MAXN_SUPR"), "did you mean 'MAXN_SUPER'? known: 15W, 25W, 7W, MAXN_SUPER"),
        (Wanted(governor="perfomance"), "did you mean 'performance'? known: performance, powersave, schedutil"),
    ],
)
def test_unknown_names_list_the_known(board: LocalBoard, wanted: Wanted, remedy: str) -> None:
    with pytest.raises(UnknownName) as caught, applied(board.target, wanted):
        pytest.fail("it must not begin")
    assert caught.value.remedy == remedy and untouched(board)


def test_each_cpu_gets_its_own_governor_back(board: LocalBoard) -> None:
    (board.sysfs / "devices/system/cpu/cpu1/cpufreq/scaling_governor").write_text("powersave\n")
    with applied(board.target, Wanted(governor="performance")):
        assert board.governors() == ["performance", "performance"]
    assert board.governors() == ["schedutil", "powersave"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [(ALL, ("clocks", "governors", "power_mode")), (Wanted(governor="powersave"), ("governors",)), (Wanted(), ())],
)
def test_the_next_run_restores_what_a_cut_line_left(board: LocalBoard, wanted: Wanted, names: tuple[str, ...]) -> None:
    with contextlib.suppress(Unreachable), applied(board.target, wanted):
        board.runner.cut = True
    board.runner.cut = False
    assert sorted(set(board.target.kept()) - {"clocks.stored"}) == sorted(names)
    assert put_back(board.target) == names
    assert untouched(board)
    with applied(board.target, ALL):
        pass
    assert untouched(board) and put_back(board.target) == ()


def test_what_still_cannot_be_restored_is_tried_again(board: LocalBoard) -> None:
    board.put("sticky", "MAXN_SUPER")
    with pytest.raises(CommandFailed, match="15W was not taken"), applied(board.target, ALL):
        pass
    with pytest.raises(CommandFailed, match="15W was not taken"):
        put_back(board.target)
    board.put("sticky")
    assert put_back(board.target) == ("power_mode",) and untouched(board)


def test_nothing_is_set_that_could_not_be_written_down(board: LocalBoard) -> None:
    Path(board.target.folder).write_text("not a folder")
    with pytest.raises(CommandFailed, match="could not be written down") as caught, applied(board.target, ALL):
        pytest.fail("it must not begin")
    assert "is there space" in caught.value.remedy and not board.has("asked")


def test_a_core_that_came_online_meanwhile_is_none_of_ours(board: LocalBoard) -> None:
    with applied(board.target, Wanted(governor="performance")):
        cpus = board.sysfs / "devices/system/cpu"
        shutil.copytree(cpus / "cpu1", cpus / "cpu2")
        (cpus / "cpu2/cpufreq/scaling_governor").write_text("powersave\n")
    assert board.governors() == ["schedutil", "schedutil", "powersave"]


def test_a_board_without_the_program_says_so(tmp_path: Path) -> None:
    board = LocalBoard(tmp_path)
    for program in ("nvpmodel", "jetson_clocks"):
        (tmp_path / "programs" / program).unlink()
    with pytest.raises(CommandFailed, match="no power mode: `nvpmodel -q` is not there"), applied(board.target, ALL):
        pytest.fail("it must not begin")
    with pytest.raises(CommandFailed, match="no jetson_clocks"), applied(board.target, Wanted(lock_clocks=True)):
        pytest.fail("it must not begin")
