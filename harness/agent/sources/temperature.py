"""Temperatures of thermal zones, of hwmon chips, and of a phone's battery."""

import os
from typing import List, Optional, Tuple

from . import About, Gauge, Gauges, Reading, Site, Source, found, key_part, line, open_if_there

_OFF_C = -256.0  # what Tegra zones read while their part of the chip is switched off


class Temperature(Gauges):
    name = "temperature"

    def read(self) -> Reading:
        return {key: value for key, value in super().read().items() if value != _OFF_C}

    def about(self) -> About:
        return {"scope": "thermal zones by type, hwmon chips by chip.label"}


def find(site: Site) -> Optional[Source]:
    gauges: List[Gauge] = []
    names = set()
    for name, path, unit in _zones(site.root) + _hwmon(site.root) + _battery(site.root):
        name = key_part(name)
        if name in names:  # phones and servers have several zones of one type
            name += "@" + os.path.basename(os.path.dirname(path))
        opened = open_if_there(site.root, path)
        if opened and name not in names:
            names.add(name)
            gauges.append(Gauge(f"temperature/{name}/temperature_c", opened, unit))
    return Temperature(gauges) if gauges else None


def _zones(root: str) -> List[Tuple[str, str, float]]:
    folders = found(root, "sys/class/thermal/thermal_zone*") or found(root, "sys/devices/virtual/thermal/thermal_zone*")
    return [(line(folder, "type") or os.path.basename(folder), f"{folder}/temp", 1e-3) for folder in folders]


def _hwmon(root: str) -> List[Tuple[str, str, float]]:
    listed = []
    for path in found(root, "sys/class/hwmon/hwmon*/temp*_input"):
        folder, sensor = os.path.split(path)
        label = line(folder, sensor.replace("_input", "_label"))
        is_zone = "thermal_zone" in os.path.realpath(os.path.join(folder, "device"))  # listed as such already
        if not is_zone and not label.startswith("Core "):  # one reading a core, and the package's is the highest
            listed.append((f"{line(folder, 'name')}.{label or sensor.replace('_input', '')}", path, 1e-3))
    return listed


def _battery(root: str) -> List[Tuple[str, str, float]]:
    return [("battery", path, 0.1) for path in found(root, "sys/class/power_supply/battery/temp")]
