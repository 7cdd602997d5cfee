"""The board states kept on the controller: the rule as data, the file, the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.boards import boards
from harness.doctor.base import Finding, Verdict
from harness.doctor.examine import Examined
from harness.doctor.health import judged
from harness.errors import FedRackError
from harness.states import BoardRecord, State, States

VIRTUAL = str(Path(__file__).parents[2] / "inventories" / "virtual.yaml")
READY = BoardRecord().seen(State.READY)


def tried(record: BoardRecord, tries: str) -> BoardRecord:
    """After good (.) and failed (x) tries."""
    for one in tries:
        record = record.after_try("lost: the line was cut" if one == "x" else "")
    return record


def examined(*failed: str) -> Examined:
    findings = tuple(Finding(check=name, verdict=Verdict.FAILED, evidence="e", remedy="r") for name in failed)
    return Examined(board="nano-01", findings=findings)


def test_the_first_failure_is_kept_until_something_good_is_seen() -> None:
    broken = BoardRecord().failed("sshd is gone", "start it").failed("and now this", "")
    assert (broken.state, broken.evidence, broken.remedy) == (State.BROKEN, "sshd is gone", "start it")
    assert broken.seen(State.READY).evidence == ""


def test_a_lesser_state_does_not_undo_a_better_one() -> None:
    assert READY.seen(State.REACHABLE) == READY
    assert BoardRecord().seen(State.REACHABLE).seen(State.PROVISIONED).state is State.PROVISIONED


@pytest.mark.parametrize(
    ("tries", "state"),
    [
        (".", State.REACHABLE), ("x", State.BROKEN), (".x", State.BROKEN), ("x.", State.REACHABLE),
        ("xx", State.QUARANTINED), ("x.x", State.QUARANTINED), ("x..x", State.BROKEN), (".xx", State.QUARANTINED),
        ("xx.", State.QUARANTINED),
    ],
)  # fmt: skip
def test_two_failures_in_three_tries_are_a_quarantine(tries: str, state: State) -> None:
    assert tried(BoardRecord(), tries).state is state


def test_a_passed_health_check_is_a_probation_that_good_tries_end_and_a_bad_one_ends_badly() -> None:
    back = judged(tried(READY, "xx"), examined())
    assert (back.state, back.probation, back.evidence) == (State.READY, True, "")
    assert tried(back, "..").probation and not tried(back, "...").probation
    assert tried(tried(back, "..."), "x").state is State.BROKEN, "free: one failure alone takes nobody out"
    again = tried(back, ".x")
    assert again.state is State.QUARANTINED and again.evidence.startswith("failed on probation: lost")


@pytest.mark.parametrize(
    ("before", "failed", "state"),
    [
        (READY, ("disk",), State.QUARANTINED),  # it was in service
        (tried(BoardRecord(), "."), ("reachable",), State.QUARANTINED),  # so was this
        (BoardRecord().seen(State.REACHABLE), ("disk",), State.BROKEN),  # nobody has set it up yet
        (READY, ("image",), State.BROKEN),  # provisioning mends it
        (READY, ("users",), State.READY),  # waiting mends it
        (tried(READY, "xx"), ("disk",), State.QUARANTINED),
        (tried(READY, "xx"), ("image",), State.BROKEN),
    ],
)
def test_one_failed_health_check_takes_a_board_out_of_service(
    before: BoardRecord, failed: tuple[str, ...], state: State
) -> None:
    assert judged(before, examined(*failed)).state is state


def test_quarantine_by_hand_ends_by_hand_alone() -> None:
    out = READY.quarantined("smells of smoke")
    assert out.seen(State.READY) == out.failed("x", "") == tried(out, "...") == judged(out, examined()) == out
    assert (out.evidence, out.remedy) == ("smells of smoke", "fedrack boards --release")


def test_what_a_run_holds_is_running_and_is_afterwards_what_it_was() -> None:
    held = READY.taken("run 7")
    assert held.shown is State.RUNNING and held.state is State.READY
    assert held.let_go() == READY


def test_records_survive_the_command_and_garbage_is_named(tmp_path: Path) -> None:
    record = tried(READY, ".x").taken("run 7")
    States(tmp_path)["nano-01"] = record
    assert States(tmp_path)["nano-01"] == record
    assert States(tmp_path)["nano-02"].state is State.UNKNOWN
    (tmp_path / "nano-01.json").write_text("{}")
    with pytest.raises(FedRackError, match=r"nano-01\.json is no record of a board") as caught:
        States(tmp_path)["nano-01"]
    assert "remove the file" in caught.value.remedy


def test_the_command_shows_holds_and_releases(tmp_path: Path) -> None:
    def run(*options: str) -> str:
        words = ["--inventory", VIRTUAL, "--devices", "nano-01", "--results", str(tmp_path), *options]
        done = CliRunner().invoke(boards, words, env={"COLUMNS": "400"})
        assert done.exit_code == 0, done.output
        return done.output

    assert "unknown" in run()
    live = run("--live")
    assert "nobody" in live and "reachable since" in live
    states = States(tmp_path / ".boards")
    states["nano-01"] = states["nano-01"].taken("run 7, process 1")
    assert "running since" in run() and "run 7, process 1" in run()
    assert "nobody" in run("--live") and "running" not in run(), "that run was killed"
    held = run("--quarantine", "fan rattles")
    assert "quarantined since" in held and "by hand" in held and "fan rattles -> fedrack boards --release" in held
    assert "unknown" in run("--release")
