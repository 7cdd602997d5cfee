"""Meters that write a CSV of their own: Monsoon, Otii, oscilloscopes, loggers. The file has its own time base.

    csv:trace.csv?time=Time(ms):ms&current=Main(mA):mA&voltage=Main Voltage(V)

Columns by the name in the header line, each with its unit behind the last colon (else s, W, J, V, A).
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.meters.base import KWH_J, WH_J, MeterFault, Reading

_UNITS: dict[str, dict[str, float]] = {
    "time": {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9},
    "power": {"W": 1, "mW": 1e-3, "uW": 1e-6},
    "energy": {"J": 1, "mJ": 1e-3, "Wh": WH_J, "mWh": WH_J * 1e-3, "kWh": KWH_J},
    "voltage": {"V": 1, "mV": 1e-3},
    "current": {"A": 1, "mA": 1e-3, "uA": 1e-6},
}
QUANTITIES = tuple(_UNITS)
_TAIL_BYTES = 65536


@dataclass(frozen=True, kw_only=True)
class CsvColumn:
    header: str
    unit: float


@dataclass(frozen=True, kw_only=True)
class CsvFile:
    name: str
    path: Path
    columns: Mapping[str, CsvColumn]  # quantity -> where it stands
    scope: str = "leads"  # wherever they were put

    def rows(self) -> Iterator[Reading | MeterFault]:
        """All rows, for after the run, a fault with the line's number in place of a bad one. Raises `MeterFault` for a
        file that is no CSV of these columns."""
        try:
            with open(self.path, newline="", encoding="utf-8-sig", errors="replace") as stream:
                lines = csv.reader(stream)
                places = self._places(next(lines, []))
                for row in lines:
                    if row:
                        yield self._reading_or_fault(row, places, f"line {lines.line_num}")
        except OSError as error:
            raise MeterFault(f"{self.path}: {error.strerror}") from None
        except csv.Error as error:
            raise MeterFault(f"{self.path}: not CSV: {error}") from None

    def read(self, timeout_s: float) -> Reading:
        """The newest whole row of a file that is being written; its own time tells whether it is new."""
        try:
            with open(self.path, "rb") as stream:
                header = stream.readline().decode("utf-8-sig")
                start = stream.tell()
                stream.seek(max(start, stream.seek(0, 2) - _TAIL_BYTES))
                whole = stream.read().decode(errors="replace").rpartition("\n")[0]
        except (OSError, UnicodeDecodeError) as error:
            raise MeterFault(f"{self.path}: {getattr(error, 'strerror', None) or error}") from None
        rows = [row for row in csv.reader(whole.splitlines()[-2:]) if row]
        if not rows:
            raise MeterFault(f"{self.path}: no whole row yet")
        return self._reading(rows[-1], self._places(next(csv.reader([header]), [])), "last row")

    def _places(self, header: list[str]) -> dict[str, int]:
        names = [name.strip() for name in header]
        missing = [column.header for column in self.columns.values() if column.header not in names]
        if missing:
            raise MeterFault(f"{self.path}: no column {', '.join(map(repr, missing))} among {', '.join(names)[:200]}")
        return {quantity: names.index(column.header) for quantity, column in self.columns.items()}

    def _reading_or_fault(self, row: list[str], places: Mapping[str, int], where: str) -> Reading | MeterFault:
        try:
            return self._reading(row, places, where)
        except MeterFault as fault:
            return fault

    def _reading(self, row: list[str], places: Mapping[str, int], where: str) -> Reading:
        values: dict[str, float] = {}
        for quantity, place in places.items():
            try:
                value = float(row[place])
            except (ValueError, IndexError):
                raise MeterFault(f"{self.path}: {where}: no number for {quantity}") from None
            if not math.isfinite(value):
                raise MeterFault(f"{self.path}: {where}: {quantity} is {value}")
            values[quantity] = value * self.columns[quantity].unit
        power_w = values.get("power")
        if power_w is None and "voltage" in values and "current" in values:
            power_w = values["voltage"] * values["current"]
        return Reading(
            power_w=power_w,
            energy_j=values.get("energy"),
            voltage_v=values.get("voltage"),
            current_a=values.get("current"),
            own_time_s=values["time"],
        )


def column(quantity: str, text: str) -> CsvColumn:
    """`Main(mA):mA`. Raises ValueError with the units that there are."""
    header, colon, unit = text.rpartition(":")
    known = _UNITS[quantity]
    if not colon:
        return CsvColumn(header=text, unit=1.0)
    if unit not in known or not header:
        raise ValueError(f"write `{quantity}=<column>:<unit>` with one of {', '.join(known)}")
    return CsvColumn(header=header, unit=known[unit])
