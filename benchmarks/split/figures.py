"""The figures of recomputation and of splitting."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.split import device_figures, planner
from benchmarks.table import Row

PARTS = {**planner.BLOCKS, "device": device_figures.rows}


def rows() -> Iterator[Row]:
    yield from planner.rows()
    yield from device_figures.rows()
