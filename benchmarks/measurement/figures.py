"""The figures of the measurement plane."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from benchmarks.measurement.arithmetic import clock_rows, energy_rows, oom_rows
from benchmarks.measurement.memory import gap_rows, share_rows
from benchmarks.measurement.observer import agent_rows, slow_down_rows
from benchmarks.measurement.peaks import footprint_rows, peak_rows, presence_rows, recovery_rows
from benchmarks.table import Row

PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "footprint": footprint_rows,
    "agent": agent_rows,
    "presence": presence_rows,
    "peaks": peak_rows,
    "recovery": recovery_rows,
    "energy": energy_rows,
    "clock": clock_rows,
    "oom": oom_rows,
    "slow-down": slow_down_rows,
    "share": share_rows,
    "gap": gap_rows,
}


def rows() -> Iterator[Row]:
    """Each as soon as it is measured: the whole takes a quarter of an hour."""
    for measured in PARTS.values():
        yield from measured()
