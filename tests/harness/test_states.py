"""What is remembered of boards, and the command that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.boards import boards
from harness.errors import FedRackError
from harness.states import BoardRecord, State, States

VIRTUAL = str(Path(__file__).parents[2] / "inventories" / "virtual.yaml")


def test_the_first_failure_is_kept_until_something_good_is_seen() -> None:
    broken = BoardRecord().failed("sshd is gone", "start it").failed("and now this", "")
    assert (broken.state, broken.evidence, broken.remedy) == (State.BROKEN, "sshd is gone", "start it")
    assert broken.seen(State.READY).evidence == ""


def test_a_lesser_state_does_not_undo_a_better_one() -> None:
    ready = BoardRecord().seen(State.READY)
    assert ready.seen(State.REACHABLE) == ready
    assert BoardRecord().seen(State.REACHABLE).seen(State.PROVISIONED).state is State.PROVISIONED


def test_quarantine_ends_by_hand_alone() -> None:
    out = BoardRecord().quarantined("smells of smoke")
    assert out.seen(State.READY) == out.failed("x", "") == out
    assert out.evidence == "smells of smoke"


def test_records_survive_the_command_and_garbage_is_named(tmp_path: Path) -> None:
    States(tmp_path)["nano-01"] = BoardRecord().failed("no answer", "look at it")
    assert States(tmp_path)["nano-01"].evidence == "no answer"
    assert States(tmp_path)["nano-02"].state is State.UNKNOWN
    (tmp_path / "nano-01.json").write_text("{}")
    with pytest.raises(FedRackError, match=r"nano-01\.json is no record of a board") as caught:
        States(tmp_path)["nano-01"]
    assert "remove the file" in caught.value.remedy


def test_the_command_shows_holds_and_releases(tmp_path: Path) -> None:
    def run(*options: str) -> str:
        words = ["--inventory", VIRTUAL, "--devices", "nano-01", "--results", str(tmp_path), *options]
        done = CliRunner().invoke(boards, words, env={"COLUMNS": "300"})
        assert done.exit_code == 0, done.output
        return done.output

    assert "unknown" in run()
    live = run("--live")
    assert "nobody" in live and "reachable since" in live
    assert "quarantined since" in run("--quarantine", "fan rattles") and "fan rattles" in run()
    assert "unknown" in run("--release")
