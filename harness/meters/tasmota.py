"""Plugs with Tasmota: `Status 10` (older firmware: `Status 8`) -> W, V, A, and a total in kWh.

Tasmota rounds power to whole watts unless its console was told `WattRes 3`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.meters.base import KWH_J, MeterFault, Reading, mapping, nonempty, number
from harness.meters.http import get_json

_WAYS = ("Status%2010", "Status%208")


@dataclass(frozen=True, kw_only=True)
class Tasmota:
    name: str
    host: str  # with port
    channel: int = 0  # of a plug that measures several outlets
    scope: str = "wall"

    def read(self, timeout_s: float) -> Reading:
        """Both ways share the deadline; firmware that knows neither is a fault."""
        fault = None
        for command in _WAYS:
            try:
                return parse(get_json(f"http://{self.host}/cm?cmnd={command}", timeout_s / len(_WAYS)), self.channel)
            except _NoEnergy as error:
                fault = error
        raise MeterFault(str(fault))


class _NoEnergy(MeterFault):
    """The answer is one, but not of a kind that carries energy."""


def parse(answer: object, channel: int = 0) -> Reading:
    """StatusSNS.ENERGY of both commands; StatusPWR, flat, of the oldest firmware."""
    entry = _energy(mapping(answer))
    flat = {key: _of_channel(value, key, channel) for key, value in entry.items()}
    return nonempty(
        Reading(
            power_w=number(flat, "Power"),
            energy_j=number(flat, "Total", unit=KWH_J),
            voltage_v=number(flat, "Voltage"),
            current_a=number(flat, "Current"),
        )
    )


def _energy(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    for keys in (("StatusSNS", "ENERGY"), ("StatusPWR",)):
        try:
            return mapping(answer, *keys)
        except MeterFault:
            continue
    raise _NoEnergy("the answer has neither StatusSNS.ENERGY nor StatusPWR: does the plug measure?")


def _of_channel(value: object, key: str, channel: int) -> object:
    if not isinstance(value, list):
        return value
    if channel >= len(value):
        raise MeterFault(f"{key} has {len(value)} channels, and {channel} is asked for")
    return value[channel]
