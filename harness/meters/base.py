"""What a meter is: something outside the board that measures what the board draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harness.errors import FedRackError

KWH_J, WH_J, WATT_MINUTE_J = 3.6e6, 3600.0, 60.0


class MeterFault(FedRackError):
    """The meter gave no reading this time; the next may."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a meter said in one answer; None is what it does not measure."""

    power_w: float | None = None
    energy_j: float | None = None  # a counter: differences count, and it may start over
    voltage_v: float | None = None
    current_a: float | None = None
    own_time_s: float | None = None  # the meter's own clock, where it stamps its readings

    def sensors(self) -> dict[str, float]:
        """By quantity with unit, only what is there."""
        quantities = ("power_w", "energy_j", "voltage_v", "current_a", "own_time_s")
        return {name: value for name in quantities if (value := getattr(self, name)) is not None}


class Meter(Protocol):
    """One meter. `scope` is a part of keys and says what it sees: "wall" is with the losses of the power supply."""

    @property
    def name(self) -> str: ...

    @property
    def scope(self) -> str: ...

    def read(self, timeout_s: float) -> Reading:
        """Raises `MeterFault`, at the latest after `timeout_s`."""
        ...


def number(entry: Mapping[str, Any], *keys: str, unit: float = 1.0) -> float | None:
    """The first of the keys that is there, in SI. Raises `MeterFault` where it holds no finite number."""
    for key in keys:
        value = entry.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MeterFault(f"{key} is {value!r:.40}, not a number")
        return value * unit
    return None


def mapping(answer: object, *keys: str) -> Mapping[str, Any]:
    """`answer[key][key]...`, which must be a mapping."""
    for key in keys:
        answer = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(answer, dict):
        raise MeterFault(f"the answer has no {'.'.join(keys) or 'fields'}")
    return answer


def nonempty(reading: Reading) -> Reading:
    """The reading, which must have power or energy: an answer without them is none."""
    if reading.power_w is None and reading.energy_j is None:
        raise MeterFault("the answer holds neither power nor energy")
    return reading
