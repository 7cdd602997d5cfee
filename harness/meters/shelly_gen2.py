"""Shelly plugs of the second generation and later: `Switch.GetStatus` -> W, V, A, and a total in Wh."""

from __future__ import annotations

from dataclasses import dataclass

from harness.meters.base import WH_J, Reading, mapping, nonempty, number
from harness.meters.http import get_json


@dataclass(frozen=True, kw_only=True)
class ShellyGen2:
    name: str
    host: str  # with port
    id: int = 0  # of the switch
    scope: str = "wall"

    def read(self, timeout_s: float) -> Reading:
        return parse(get_json(f"http://{self.host}/rpc/Switch.GetStatus?id={self.id}", timeout_s))


def parse(answer: object) -> Reading:
    entry = mapping(answer)
    energy = mapping(answer, "aenergy") if entry.get("aenergy") is not None else {}
    return nonempty(
        Reading(
            power_w=number(entry, "apower"),
            energy_j=number(energy, "total", unit=WH_J),
            voltage_v=number(entry, "voltage"),
            current_a=number(entry, "current"),
        )
    )
