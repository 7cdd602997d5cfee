"""The figures of the measurement plane."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.measurement.arithmetic import clock_rows, energy_rows, oom_rows
from benchmarks.measurement.memory import gap_rows, share_rows
from benchmarks.measurement.observer import agent_rows, slow_down_rows
from benchmarks.measurement.peaks import footprint_rows, peak_rows, presence_rows, recovery_rows
from benchmarks.table import Row


def rows() -> Iterator[Row]:
    """Each as soon as it is measured: the whole takes a quarter of an hour."""
    for measured in (
        footprint_rows,
        agent_rows,
        presence_rows,
        peak_rows,
        recovery_rows,
        energy_rows,
        clock_rows,
        oom_rows,
        slow_down_rows,
        share_rows,
        gap_rows,
    ):
        yield from measured()
