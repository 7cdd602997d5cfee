"""Flags that say a board slows itself down, or is about to: 1 while raised."""

import os
from typing import List, Optional

from ..jetson import rails
from . import About, Gauge, Gauges, OpenFile, Reading, Site, Source, found, line, open_if_there

# Of a Raspberry Pi's firmware, bits 0 to 3; the same, since boot, 16 bits higher.
PI_FLAGS = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")
SINCE_BOOT = "_since_boot"


class Throttle(Gauges):
    name = "throttle"

    def __init__(self, gauges: List[Gauge], pi: Optional[OpenFile]) -> None:
        super().__init__(gauges)
        self.files += [pi] if pi else []
        self._pi = pi

    def read(self) -> Reading:
        values = super().read()
        if self._pi:
            try:
                flags = pi_flags(self._pi.read(64).decode("ascii"))
                values.update((f"{self.name}/pi/{name}", flag) for name, flag in flags.items())
            except (OSError, ValueError) as error:
                self.failed[f"{self.name}/pi"] = str(error)
        return values

    def about(self) -> About:
        return {"scope": "1 while raised; since_boot: 1 from the first time on"}


def pi_flags(text: str) -> Reading:
    """From `50000` (sysfs) or `throttled=0x50000` (vcgencmd get_throttled)."""
    bits = int(text.strip().rpartition("=")[2], 16)
    now = {name: bits >> bit & 1 for bit, name in enumerate(PI_FLAGS)}
    return dict(now, **{f"{name}{SINCE_BOOT}": bits >> bit + 16 & 1 for bit, name in enumerate(PI_FLAGS)})


def find(site: Site) -> Optional[Source]:
    places = [("rpi_volt/under_voltage", path) for path in _rpi_volt(site.root)]
    for rail in rails(site.root):
        places.append((f"{rail.name}/over_warn_current", rail.max_alarm))
        places.append((f"{rail.name}/over_crit_current", rail.crit_alarm))
    gauges = []
    for name, path in places:
        opened = open_if_there(site.root, path) if path else None
        if opened:
            gauges.append(Gauge(f"throttle/{name}", opened, 1))
    firmware = found(site.root, "sys/devices/platform/soc*/soc*firmware/get_throttled")
    pi = open_if_there(site.root, firmware[0]) if firmware else None
    return Throttle(gauges, pi) if gauges or pi else None


def _rpi_volt(root: str) -> List[str]:
    alarms = found(root, "sys/class/hwmon/hwmon*/in0_lcrit_alarm")
    return [path for path in alarms if line(os.path.dirname(path), "name") == "rpi_volt"]
