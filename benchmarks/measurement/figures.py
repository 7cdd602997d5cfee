"""The figures of the measurement plane."""

from __future__ import annotations

from benchmarks.measurement.arithmetic import clock_rows, energy_rows, oom_rows
from benchmarks.measurement.memory import gap_rows, share_rows
from benchmarks.measurement.observer import agent_rows, slow_down_rows
from benchmarks.measurement.peaks import footprint_rows, peak_rows, presence_rows, recovery_rows
from benchmarks.table import Row


def rows() -> list[Row]:
    return [
        *footprint_rows(),
        *agent_rows(),
        *presence_rows(),
        *peak_rows(),
        *recovery_rows(),
        *energy_rows(),
        *clock_rows(),
        *oom_rows(),
        *slow_down_rows(),
        *share_rows(),
        *gap_rows(),
    ]
