"""The figures of the measurement plane."""

from __future__ import annotations

from benchmarks.measurement.memory import gap_rows, share_rows
from benchmarks.table import Row


def rows() -> list[Row]:
    return [*share_rows(), *gap_rows()]
