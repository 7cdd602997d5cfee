"""Kasa and Tapo plugs through python-kasa, an extra of its own: `pip install python-kasa`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.meters.base import KWH_J, WH_J, MeterFault, Reading, nonempty, number
from harness.meters.in_time import in_time


@dataclass(frozen=True, kw_only=True)
class Kasa:
    name: str
    host: str
    scope: str = "wall"

    def read(self, timeout_s: float) -> Reading:
        return parse(_realtime(self.host, timeout_s))


def parse(realtime: Mapping[str, Any]) -> Reading:
    """Newer firmware has the unit in each key (power_mw, total_wh), older has plain W, V, A and kWh."""
    entry = dict(realtime)  # not python-kasa's own mapping, which converts in ways that differ by version

    def either(new: str, unit: float, old: str, old_unit: float = 1.0) -> float | None:
        value = number(entry, new, unit=unit)
        return number(entry, old, unit=old_unit) if value is None else value

    return nonempty(
        Reading(
            power_w=either("power_mw", 1e-3, "power"),
            energy_j=either("total_wh", WH_J, "total", KWH_J),
            voltage_v=either("voltage_mv", 1e-3, "voltage"),
            current_a=either("current_ma", 1e-3, "current"),
        )
    )


def _realtime(host: str, timeout_s: float) -> Mapping[str, Any]:
    """In a thread with an event loop of its own: name resolution in there heeds no deadline."""
    try:
        return in_time(lambda: asyncio.run(asyncio.wait_for(_ask(host), timeout_s)), timeout_s)
    except MeterFault:
        raise
    except ImportError:
        raise MeterFault("python-kasa is not installed", remedy="pip install python-kasa") from None
    except TimeoutError:
        raise MeterFault(f"no answer within {timeout_s:g} s") from None
    except Exception as error:
        raise MeterFault(f"{type(error).__name__}: {error}") from None


async def _ask(host: str) -> Mapping[str, Any]:
    from kasa import Discover, Module  # type: ignore[import-not-found,unused-ignore]

    device = await Discover.discover_single(host)
    if device is None:
        raise MeterFault("no Kasa or Tapo plug answers there")
    try:
        await device.update()
        energy = device.modules.get(Module.Energy)
        if energy is None:
            raise MeterFault("this plug does not measure")
        status: Mapping[str, Any] = energy.status
        return status
    finally:
        await device.disconnect()
