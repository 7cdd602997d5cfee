"""Whole examinations: of embedded boards that are well, dead, hung, held by another run, or somebody else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.doctor import doctor
from harness.connect import Connection, connect
from harness.doctor.base import Verdict
from harness.doctor.examine import Examined, examine_all
from harness.doctor.listener import Listener
from harness.facts.base import read
from harness.facts.link import link
from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.load.image import load_image
from harness.payload import code_payload
from harness.provision.hold import held
from harness.provision.rack import provision
from harness.states import State, States
from harness.virtual.embedded import EmbeddedRack
from harness.wheels import Cache

VIRTUAL = Path(__file__).parents[2] / "inventories" / "virtual.yaml"
IMAGES = {"virtual": load_image("virtual")}


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BoardSpec, ...]]:
    folder = tmp_path_factory.mktemp("rack")
    specs = load_inventory(VIRTUAL).boards[:2]
    with EmbeddedRack(specs, folder) as rack:
        resolved = rack.resolve(specs)
        provision(
            resolved, IMAGES, connect, Cache(folder), States(folder / "states"), dry_run=False, told=lambda b, s: None
        )
        yield resolved


def examine(*specs: BoardSpec, deadline_s: float = 60.0) -> list[Examined]:
    return examine_all(specs, IMAGES, connect, code_payload(), deadline_s)


def test_boards_that_are_well(boards: tuple[BoardSpec, ...]) -> None:
    for examined in examine(*boards):
        assert examined.well, examined.failures
        checks = {finding.check: finding for finding in examined.findings}
        assert len(checks) == 16 and "torch" in checks
        assert checks["link"].evidence.endswith("to 127.0.0.1") and " Hz" in checks["sensors"].evidence


def test_one_bad_board_delays_no_other(boards: tuple[BoardSpec, ...]) -> None:
    dead, stranger = (
        replace(boards[0], name="dead", port=1),
        replace(boards[0], name="stranger", host_key=boards[1].host_key),
    )
    well, *bad = examine(boards[1], dead, stranger)
    assert well.well
    assert [(each.findings[0].check, each.findings[0].verdict) for each in bad] == [
        ("reachable", Verdict.FAILED), ("key", Verdict.FAILED),
    ]  # fmt: skip
    assert all(each.findings[0].remedy for each in bad)


def test_a_board_past_its_deadline_says_so(boards: tuple[BoardSpec, ...]) -> None:
    def hangs(spec: BoardSpec) -> Connection:
        if spec.name == "nano-01":
            time.sleep(5)
        return connect(spec)

    begin_s = time.monotonic()
    (late,) = examine_all(boards[:1], IMAGES, hangs, code_payload(), deadline_s=0.5)
    assert time.monotonic() - begin_s < 4
    assert (late.findings[0].check, late.findings[0].evidence) == ("deadline", "not all was answered within 0.5 s")


def test_a_board_in_use_is_named_with_its_user(boards: tuple[BoardSpec, ...]) -> None:
    connection = connect(boards[0])
    with held(connection, boards[0], "run 7"):
        (examined,) = examine(boards[0])
    assert [finding.check for finding in examined.failures] == ["users"]
    assert examined.failures[0].evidence.endswith(", run 7")
    assert examine(boards[0])[0].well, "free again, and the lock left no trace"


def test_a_server_address_that_is_not_ours_fails_the_link_alone(boards: tuple[BoardSpec, ...]) -> None:
    (examined,) = examine(replace(boards[0], server_address="192.0.2.1"))
    assert [finding.check for finding in examined.failures] == ["link"]
    assert "192.0.2.1 is not an address of this machine" in examined.failures[0].evidence


def test_rates_are_measured_one_board_at_a_time(boards: tuple[BoardSpec, ...]) -> None:
    with Listener("127.0.0.1") as listener:
        found = read(connect(boards[0]), link("python3", "127.0.0.1", listener.port))
    assert found.value is not None and 0 < found.value.best_s <= found.value.round_trip_s < 1
    assert found.value.rate_bytes_per_s > 1e6


def test_the_command_tells_scripts(tmp_path: Path) -> None:
    options = ["--inventory", str(VIRTUAL), "--devices", "nano-01", "--results", str(tmp_path), "--json"]
    done = CliRunner().invoke(doctor, options)
    (line,) = done.stdout.splitlines()
    said = json.loads(line)
    failed = [finding["check"] for finding in said["findings"] if finding["verdict"] == "failed"]
    assert (done.exit_code, said["board"], failed) == (3, "nano-01", ["image"])  # never provisioned
    assert States(tmp_path / ".boards")["nano-01"].state is State.BROKEN
