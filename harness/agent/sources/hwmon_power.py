"""Power by INA2xx chips under the kernel's own drivers, which measure whatever they were wired to."""

import os
from typing import List, Optional

from ..jetson import chips
from ..rails import RailFiles, Rails
from . import Site, Source, found, key_part, line

_CHIPS = ("ina209", "ina219", "ina220", "ina226", "ina228", "ina230", "ina231", "ina233", "ina237", "ina238", "ina260")
_ABOUT = {"scope": "as wired: the inventory says what each chip measures", "total": []}


def find(site: Site) -> Optional[Source]:
    jetsons_own = [os.path.realpath(chip) for chip in chips(site.root)]
    rails: List[RailFiles] = []
    for folder in found(site.root, "sys/class/hwmon/hwmon*"):
        device = os.path.realpath(os.path.join(folder, "device"))
        if line(folder, "name") in _CHIPS and device not in jetsons_own:
            rails.append(_rail(folder, os.path.basename(device)))
    return Rails(site.root, "hwmon_power", rails, (), _ABOUT) if rails else None


def _rail(folder: str, address: str) -> RailFiles:
    chip = line(folder, "name")
    where = address if address != "device" else os.path.basename(folder)  # bus and address outlive a reboot
    voltage, current, power = (os.path.join(folder, name) for name in ("in1_input", "curr1_input", "power1_input"))
    return RailFiles(key_part(f"{chip}-{where}"), where, voltage, current, power if os.path.exists(power) else "")
