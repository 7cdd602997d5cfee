"""The figures of split and recompute."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.split import planner
from benchmarks.table import Row


def rows() -> Iterator[Row]:
    yield from planner.rows()
