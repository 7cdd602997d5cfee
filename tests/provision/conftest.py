from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.virtual.embedded import EmbeddedRack

VIRTUAL = Path(__file__).parents[2] / "inventories" / "virtual.yaml"
Racks = Callable[[], AbstractContextManager[tuple[BoardSpec, ...]]]


@pytest.fixture
def racks(tmp_path: Path) -> Racks:
    """Wakes two embedded boards, the same ones each time."""
    specs = tuple(replace(spec, image="tiny") for spec in load_inventory(VIRTUAL).boards[:2])

    @contextmanager
    def wake() -> Iterator[tuple[BoardSpec, ...]]:
        with EmbeddedRack(specs, tmp_path / "rack") as rack:
            yield rack.resolve(specs)

    return wake
