"""A twin on real SSH: it takes a place in the federation, unless its software is another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import Unreachable
from harness.load import load_inventory
from harness.payload import Payload, code_payload
from harness.rack import Rack
from harness.virtual.embedded import EmbeddedRack

VIRTUAL = Path(__file__).parents[2] / "inventories" / "virtual.yaml"
RUN = "20261121-104500-ab12"


@pytest.fixture
def payloads() -> list[Payload]:
    return [code_payload()]


@pytest.fixture
def rack(tmp_path: Path, payloads: list[Payload]) -> Iterator[Rack]:
    """nano-01 takes part, twin-1 and twin-2 are spare."""
    board = load_inventory(VIRTUAL).boards[0]
    specs = [board, *(replace(board, name=name) for name in ("twin-1", "twin-2"))]
    with EmbeddedRack(specs, tmp_path) as virtual:
        first, *spares = virtual.resolve(specs)
        with Rack([first], spares=spares) as made:
            made.prepare(RUN, payloads, lambda board: None)
            assert made.boards["nano-01"].usable
            yield made


def lose(rack: Rack, name: str) -> None:
    rack.boards[name].fail(Unreachable(name, "the cable was pulled"))


def test_a_twin_keeps_the_place_also_of_a_twin_and_after_a_revival(rack: Rack, payloads: list[Payload]) -> None:
    lose(rack, "nano-01")
    for number, name in enumerate(("twin-1", "twin-2"), start=1):
        twin = rack.stand_in(next(iter(rack.boards)), RUN, payloads)
        assert twin is not None and list(rack.boards) == [name] and len(rack.left) == number
        assert (twin.client, twin.in_place_of and "cable" in twin.in_place_of.why) == ("nano-01", True)
        lose(rack, name)
        assert rack.revive([name], RUN, payloads) == [name] and rack.boards[name].client == "nano-01"
        lose(rack, name)
    assert rack.stand_in("twin-2", RUN, payloads) is None, "no spare is left"


def test_a_twin_with_other_software_is_none(rack: Rack, payloads: list[Payload], tmp_path: Path) -> None:
    marker = {"format": 1, "digest": "of another torch", "python": "python3", "fingerprint": ""}
    (tmp_path / "twin-1" / "home" / ".fedrack").mkdir()
    (tmp_path / "twin-1" / "home" / ".fedrack" / "provisioned.json").write_text(json.dumps(marker))
    lose(rack, "nano-01")
    twin = rack.stand_in("nano-01", RUN, payloads)
    assert twin is not None and twin.name == "twin-2"
