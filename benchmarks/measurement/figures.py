"""The figures of the measurement plane that can be measured so far."""

from __future__ import annotations

from benchmarks.measurement.memory import gap_rows, share_rows
from benchmarks.measurement.observer import agent_rows, slow_down_rows
from benchmarks.table import Row


def rows() -> list[Row]:
    return [*agent_rows(), *slow_down_rows(), *share_rows(), *gap_rows()]
