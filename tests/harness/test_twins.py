"""Which spare boards are twins: all that the inventory says of a board but its name and its addresses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.inventory import Link, Observation, Wanted
from harness.load import load_inventory
from harness.twins import twins

BOARD = load_inventory(Path(__file__).parents[2] / "inventories" / "virtual.yaml").boards[0]
TWIN = replace(BOARD, name="twin", host="192.0.2.9", port=2222, host_key="ssh-ed25519 A", groups=("other",))
OTHERS: list[dict[str, Any]] = [
    {"board_class": "raspberry-pi-4"},
    {"virtual": None},
    {"image": "debian-arm64"},
    {"memory_budget_bytes": 1},
    {"wanted": Wanted(power_mode="5W")},
    {"link": Link(delay_ms=10.0)},
    {"reverse_tunnel": True},
    {"observation": Observation(idle_s=10.0)},
    {"observation": replace(BOARD.observation, meters=("shelly2://192.0.2.40",))},
]


def test_a_twin_is_another_board_of_the_same_description() -> None:
    assert twins(BOARD, [BOARD, TWIN]) == [TWIN]


def test_a_meter_of_its_own_makes_no_difference() -> None:
    one, other = (
        replace(spec, observation=replace(spec.observation, meters=(meter,)))
        for spec, meter in ((BOARD, "shelly2://192.0.2.40"), (TWIN, "tasmota://192.0.2.41"))
    )
    assert twins(one, [other]) == [other]


@pytest.mark.parametrize("change", OTHERS, ids=str)
def test_whatever_bears_on_a_number_must_agree(change: dict[str, Any]) -> None:
    assert twins(BOARD, [replace(TWIN, **change)]) == []
