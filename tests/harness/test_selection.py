"""What DEVICES can name."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UnknownName
from harness.load import load_inventory

VIRTUAL = load_inventory(Path("inventories/virtual.yaml"))


@pytest.mark.parametrize(
    ("devices", "boards"),
    [
        ("jetson-nano", ["nano-01", "nano-02"]),
        ("pi4-02", ["pi4-02"]),
        ("phone,nano-01", ["nano-01", "phone-01"]),  # in the order of the file
        (" phone , phone-01 ", ["phone-01"]),
        ("all", ["nano-01", "nano-02", "pi4-01", "pi4-02", "phone-01"]),
    ],
)
def test_groups_hosts_and_lists(devices: str, boards: list[str]) -> None:
    assert [board.name for board in VIRTUAL.select(devices)] == boards


def test_an_unknown_device_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        VIRTUAL.select("jetson-nano,raspbery-pi-4")
    assert caught.value.message == "unknown device 'raspbery-pi-4'"
    assert caught.value.remedy.startswith("did you mean 'raspberry-pi-4'? known: all, jetson-nano, nano-01")
