"""Shelly plugs of the first generation: `GET /meter/N` -> power in W, total in watt-minutes."""

from __future__ import annotations

from dataclasses import dataclass

from harness.meters.base import WATT_MINUTE_J, MeterFault, Reading, mapping, nonempty, number
from harness.meters.http import get_json


@dataclass(frozen=True, kw_only=True)
class ShellyGen1:
    name: str
    host: str  # with port
    meter: int = 0
    scope: str = "wall"

    def read(self, timeout_s: float) -> Reading:
        return parse(get_json(f"http://{self.host}/meter/{self.meter}", timeout_s))


def parse(answer: object) -> Reading:
    entry = mapping(answer)
    if entry.get("is_valid") is False:
        raise MeterFault("the meter says that its own reading is not valid")
    return nonempty(Reading(power_w=number(entry, "power"), energy_j=number(entry, "total", unit=WATT_MINUTE_J)))
