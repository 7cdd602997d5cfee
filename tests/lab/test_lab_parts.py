"""What needs no root: trees that the real sensors read, cgroups of version 2, words for tc, refused targets."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.agent.catalogue import EVERY_SECOND, POWER
from harness.agent.sources import Sensors, Site
from harness.board_classes import BOARD_CLASSES
from harness.errors import BadInput, FedRackError
from harness.inventory import BoardSpec, Link
from harness.lab import model, needs, rootfs, sysfs
from harness.lab.cgroups import GroupsV1, GroupsV2, Limits, groups
from harness.lab.enter import enter_lab
from harness.lab.lab import plan
from harness.lab.shapes import SHAPES
from harness.lab.wire import qdisc
from harness.load import load_inventory

# What a board of each class shows beside clocks and temperatures, power in W with one busy core.
POWER_OF = {
    "jetson-nano": ("jetson_power/total/power_w", 3.0),
    "jetson-xavier-nx": ("jetson_power/total/power_w", 5.8),
    "jetson-orin-nano": ("jetson_power/total/power_w", 5.8),
    "jetson-orin-nx": ("jetson_power/total/power_w", 6.7),
    "jetson-agx-orin": ("jetson_power/total/power_w", 8.9),
    "raspberry-pi-4": (None, None),
    "raspberry-pi-5": (None, None),
    "phone": ("battery/battery/current_raw", -375_000),
}


@pytest.mark.parametrize("board_class", SHAPES)
def test_the_agents_sensors_find_a_board_of_its_class(board_class: str, tmp_path: Path) -> None:
    shape, cores = SHAPES[board_class], BOARD_CLASSES[board_class].cores
    state = model.State(47.0, shape.clock_hz[1], shape.core_w, 1.0, False, 0)
    rootfs.plant(shape, cores, tmp_path / "sys")
    for name, text in sysfs.gauges(shape, cores, state).items():
        (tmp_path / "sys" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / name).write_text(f"{text:<12}\n")
    read = {}
    for module in (*POWER, *EVERY_SECOND):
        source = module.find(Site(str(tmp_path), 1, None, list))
        if isinstance(source, Sensors):
            read.update(source.read())
            assert source.failed == {}
            source.close()
    power, value = POWER_OF[board_class]
    assert power is None or read[power] == pytest.approx(value, rel=0.01)
    clocks = [value for key, value in read.items() if key.startswith("cpu_clock/")]
    assert clocks == [shape.clock_hz[1] // 1000 * 1000] * cores
    assert {value for key, value in read.items() if key.startswith("temperature/")} == {47.0}
    assert ("throttle/pi/under_voltage" in read) == bool(shape.firmware)
    assert ("gpu/gpu/load_share" in read or "gpu/gv11b/load_share" in read) == bool(shape.gpu)


def test_a_board_in_groups_of_version_2(tmp_path: Path) -> None:
    """On a folder with the kernel's file names: this holds what is written where, and no kernel's opinion of it."""
    (tmp_path / "cgroup.controllers").write_text("cpuset cpu memory pids\n")
    made = groups(tmp_path)
    assert isinstance(made, GroupsV2)
    made.make("fedrack-lab/nano-01", Limits(memory_bytes=4 << 30, cpus=1.5, allowed="0-1"))
    board = tmp_path / "fedrack-lab/nano-01"
    written = {path.name: path.read_text() for path in board.iterdir()}
    assert written == {"memory.max": str(4 << 30), "cpu.max": "15000 10000", "cpuset.cpus": "0-1"}
    for above in (tmp_path, tmp_path / "fedrack-lab"):
        assert (above / "cgroup.subtree_control").read_text() == "+memory +cpu +cpuset +pids"
    made.freeze("fedrack-lab/nano-01", True)
    assert (board / "cgroup.freeze").read_text() == "1"
    (board / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert made.cpu_used_s("fedrack-lab/nano-01") == 2.5


def test_the_memory_controller_decides_the_version(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb\n")
    assert groups(tmp_path) is None
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory/memory.limit_in_bytes").touch()
    assert isinstance(groups(tmp_path), GroupsV1)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (Link(), "pfifo_fast"),
        (Link(rate_mbit=10), "tbf rate 10mbit burst 3200 latency 200ms"),
        (Link(rate_mbit=100), "tbf rate 100mbit burst 25000 latency 200ms"),
        (Link(delay_ms=20, jitter_ms=2.5), "netem delay 20ms 2.5ms loss 0%"),
        (Link(rate_mbit=5, loss_pct=1), "netem delay 0ms 0ms loss 1% rate 5mbit"),
    ],
)
def test_a_link_in_words_for_tc(link: Link, words: str) -> None:
    assert " ".join(qdisc("eth0", link)) == f"qdisc replace dev eth0 root {words}"


@pytest.fixture
def board() -> BoardSpec:
    inventory = load_inventory(Path(__file__).parents[2] / "inventories" / "namespace.yaml")
    return replace(inventory.boards[0], lab="nowhere", host="198.18.0.2", server_address="198.18.0.1")


@pytest.mark.parametrize("host", ["192.0.2.7", "nano-01.example", "198.19.0.2", "::ffff:192.0.2.7"])
def test_a_target_outside_of_the_lab_is_refused_before_anything_is_sent(board: BoardSpec, host: str) -> None:
    outside = replace(board, name="outside", lab=None, virtual=None, host=host)
    with pytest.raises(BadInput, match=rf"outside: {host} is neither loopback nor in the lab's 198.18.0.0/24 -> run"):
        enter_lab([board, outside])


def test_boards_of_two_labs_and_of_none(board: BoardSpec) -> None:
    with pytest.raises(BadInput, match="boards of several labs: elsewhere, nowhere"):
        enter_lab([board, replace(board, lab="elsewhere")])
    with pytest.raises(FedRackError, match="no lab 'nowhere' on this machine"):
        enter_lab([board, replace(board, host="127.0.0.1"), replace(board, host="localhost")])
    enter_lab([replace(board, lab=None, host="192.0.2.7")])  # no lab: none of our business


def test_a_lab_of_too_many_boards_or_of_none(board: BoardSpec, tmp_path: Path) -> None:
    with pytest.raises(FedRackError, match="254 boards in one lab"):
        plan("lab", tmp_path / "lab.yaml", [replace(board, name=f"b{n}") for n in range(254)])
    with pytest.raises(FedRackError, match="no boards for a lab"):
        plan("lab", tmp_path / "lab.yaml", [replace(board, virtual="embedded")])
    with pytest.raises(FedRackError, match="unknown class of board in a lab 'edge-x86'"):
        plan("lab", tmp_path / "lab.yaml", [replace(board, board_class="edge-x86")])


def test_what_is_lacking_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(FedRackError, match="need root") as caught:
        needs.require()
    assert "make bench" in caught.value.remedy
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(needs, "_PATH", str(tmp_path))
    with pytest.raises(FedRackError, match="need ip, tc, sshd") as caught:
        needs.require()
    assert caught.value.remedy.startswith("apt-get install iproute2 openssh-server")
