"""Plans applied to real boards: real SSH, real pip, real files. Only torch is a stand-in."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.connect import connect
from harness.errors import BoardBusy, CommandFailed, Unreachable
from harness.images import Image
from harness.inventory import BoardSpec
from harness.provision.apply import apply
from harness.provision.hold import held
from harness.provision.plan import Plan, plan
from harness.provision.rack import Outcome, provision
from harness.provision.steps import Run, Step
from harness.provision.survey import survey
from harness.states import State, States
from harness.wheels import Cache
from tests.provision.stand_ins import ILLEGAL, image

if TYPE_CHECKING:
    from conftest import Racks

STATES = "states"


def run(specs: tuple[BoardSpec, ...], made_of: Image, folder: Path) -> list[Outcome]:
    cache, states = Cache(folder / "cache"), States(folder / STATES)
    return provision(specs, {"tiny": made_of}, connect, cache, states, dry_run=False, told=lambda board, step: None)


def do(spec: BoardSpec, *steps: Step) -> None:
    apply(Plan(board=spec.name, image="tiny", steps=steps), spec, connect, Cache(Path("unused")), lambda step: None)


def planned(spec: BoardSpec, made_of: Image) -> Plan:
    with connected(spec) as connection:
        return plan(spec, made_of, survey(connection, spec, made_of))


def connected(spec: BoardSpec) -> AbstractContextManager[object]:
    return connect(spec)  # type: ignore[return-value]


def test_a_second_pass_is_empty_and_a_changed_board_is_repaired(racks: Racks, tmp_path: Path) -> None:
    tiny = image(tmp_path / "cache")
    with racks() as specs:
        first, second = run(specs, tiny, tmp_path), run(specs, tiny, tmp_path)
        assert all(outcome.well and outcome.plan and len(outcome.plan.steps) == 8 for outcome in first), first
        assert all(outcome.well and outcome.plan and outcome.plan.steps == () for outcome in second)
        assert States(tmp_path / STATES)["nano-01"].state is State.PROVISIONED
        connection = connect(specs[0])
        where = connection.run("cd .fedrack && env/current/bin/python -c 'import torch; print(torch.__file__)'").text
        assert "/env/" in where and "/site-packages/torch.py" in where
        # what a later `pip install torch` by hand would do
        connection.run(
            "cd .fedrack/env/current/lib/python3*/site-packages && echo other >> torch-2.5.1.dist-info/RECORD"
        )
        repaired = run(specs, tiny, tmp_path)
        assert repaired[0].plan is not None and repaired[1].plan is not None
        assert repaired[0].plan.steps[0].why == "its packages are not those that were installed"
        assert repaired[1].plan.steps == ()
        assert planned(specs[0], tiny).steps == ()


def test_another_image_replaces_the_environment_and_copies_only_what_is_missing(racks: Racks, tmp_path: Path) -> None:
    tiny = image(tmp_path / "cache")
    newer = image(tmp_path / "cache", version="2.6.0")
    with racks() as specs:
        run(specs[:1], tiny, tmp_path)
        (outcome,) = run(specs[:1], newer, tmp_path)
        assert outcome.plan is not None and [push.file for push in outcome.plan.pushes] == [newer.wheels[0].file]
        board = connect(specs[0])
        marker = json.loads(board.run("cat .fedrack/provisioned.json").text)
        assert sorted(board.run("ls .fedrack/env").text.split()) == sorted(["current", marker["digest"]]), (
            "one, not two"
        )


@pytest.mark.parametrize("after", range(0, 8, 2))
def test_a_board_that_goes_away_is_not_provisioned_and_the_next_pass_repairs_it(
    racks: Racks, tmp_path: Path, after: int
) -> None:
    tiny = image(tmp_path / "cache")
    with racks() as (spec, _):
        steps = planned(spec, tiny).steps
        cut = (*steps[:after], Run(command="kill -9 $PPID", why="power fails"), *steps[after:])
        with pytest.raises(Unreachable, match=r"nano-01: the connection to .* was lost"):
            apply(
                Plan(board=spec.name, image="tiny", steps=cut), spec, connect, Cache(tmp_path / "cache"), lambda s: None
            )
    with racks() as (spec, _):
        assert planned(spec, tiny).steps != ()
        (outcome,) = run((spec,), tiny, tmp_path)
        assert outcome.well and planned(spec, tiny).steps == ()


def test_one_bad_board_keeps_its_first_error_and_stops_no_other(racks: Racks, tmp_path: Path) -> None:
    tiny = image(tmp_path / "cache")
    with racks() as specs:
        dead = replace(specs[0], port=1)
        for _ in range(2):
            outcomes = run((dead, specs[1]), tiny, tmp_path)
            assert [outcome.well for outcome in outcomes] == [False, True]
    record = States(tmp_path / STATES)["nano-01"]
    assert (record.state, record.evidence) == (State.BROKEN, "nano-01: 127.0.0.1:1 refuses connections")
    assert States(tmp_path / STATES)["nano-02"].state is State.PROVISIONED


def test_torch_that_this_cpu_cannot_run_is_named(racks: Racks, tmp_path: Path) -> None:
    with racks() as specs:
        (outcome,) = run(specs[:1], image(tmp_path / "cache", torch=ILLEGAL), tmp_path)
        assert outcome.failure is not None and outcome.step is not None
        assert outcome.failure.message == (
            "nano-01: this wheel does not run on this CPU: torch ended with an illegal instruction"
        )
        assert connect(specs[0]).run("ls .fedrack/provisioned.json").exit_code != 0


def test_a_wheel_whose_hash_differs_is_not_installed(racks: Racks, tmp_path: Path) -> None:
    tiny = image(tmp_path / "cache")
    with racks() as (spec, _):
        connect(spec).run(f"mkdir -p .fedrack/wheels && echo cut off > .fedrack/wheels/{tiny.wheels[1].file}")
        (outcome,) = run((spec,), tiny, tmp_path)  # on the board: it is there, but is not what it says
        assert outcome.failure is not None and "remove it from wheels/ there" in outcome.failure.remedy
        (tmp_path / "cache" / tiny.wheels[0].file).write_bytes(b"another file")
        connect(spec).run("rm -rf .fedrack")
        (outcome,) = run((spec,), tiny, tmp_path)  # on the controller
        assert outcome.failure is not None
        assert f"the image pins {tiny.wheels[0].sha256}" in outcome.failure.message
        assert connect(spec).run("ls .fedrack/provisioned.json").exit_code != 0


def test_what_commands_say_in_our_words(racks: Racks) -> None:
    full = Run(command="head -c 100000 /dev/zero > /dev/full", why="write")
    asks = Run(command="echo 'sudo: a password is required' >&2; exit 1", why="", privileged="/sbin/swapoff -a")
    odd = Run(command="echo why >&2; exit 7", why="", remedy="do this")
    with racks() as (spec, _):
        with pytest.raises(CommandFailed, match=r"its disk is full: .*No space left on device") as disk:
            do(spec, full)
        with pytest.raises(CommandFailed, match="sudo asks for a password for `/sbin/swapoff -a`") as sudo:
            do(spec, asks)
        with pytest.raises(CommandFailed, match=r"exit code 7 from `echo why .*`: why") as other:
            do(spec, odd)
    assert disk.value.remedy == "make room on the board, and run again"
    assert sudo.value.remedy == "install the rules of `fedrack provision --sudoers --devices nano-01` there"
    assert other.value.remedy == "do this"


def test_a_board_in_use_is_left_alone(racks: Racks) -> None:
    with racks() as (spec, _):
        connection = connect(spec)
        with held(connection, spec, "run 7"), pytest.raises(BoardBusy, match=r"in use by .*, run 7"):
            do(spec, Run(command="true", why=""))
        do(spec, Run(command="true", why=""))  # free again
