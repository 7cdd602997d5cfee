"""Energy counters of x86 packages (RAPL), unwrapped so that they only grow."""

import os
from typing import List, Optional

from . import About, OpenFile, Reading, Sensors, Site, Source, found, key_part, line


class _Zone:
    def __init__(self, name: str, energy: OpenFile, range_uj: int) -> None:
        self.name = name
        self.key = f"rapl/{name}/energy_j"
        self.energy = energy
        self._range_uj = range_uj
        self._last_uj = 0
        self._wrapped_uj = 0

    def energy_j(self) -> float:
        """Raises ValueError when the counter went back by so much that it cannot have wrapped."""
        now_uj = self.energy.number()
        if now_uj < self._last_uj:
            if now_uj + self._range_uj - self._last_uj > self._range_uj // 2:
                raise ValueError(f"counter went back from {self._last_uj} to {now_uj} uJ")
            self._wrapped_uj += self._range_uj
        self._last_uj = now_uj
        return round((self._wrapped_uj + now_uj) * 1e-6, 6)


class Rapl(Sensors):
    name = "rapl"

    def __init__(self, zones: List[_Zone]) -> None:
        super().__init__(*(zone.energy for zone in zones))
        self._zones = zones
        self._packages = [zone.name for zone in zones if zone.name.startswith("package-") and "." not in zone.name]

    def read(self) -> Reading:
        values: Reading = {}
        for zone in list(self._zones):
            try:
                values[zone.key] = zone.energy_j()
            except (OSError, ValueError) as error:
                self.failed[f"{self.name}/{zone.name}"] = str(error)
                self._zones.remove(zone)  # what it counted meanwhile is not known, so its sum is none any more
        packages = [values.get(f"rapl/{name}/energy_j") for name in self._packages]
        if packages and None not in packages:
            values["rapl/total/energy_j"] = round(sum(joules for joules in packages if joules is not None), 6)
        return values

    def about(self) -> About:
        return {
            "scope": "package",
            "total": self._packages,
            "not_covered": "board, memory unless a dram zone is listed, power supply, network",
            "zones": [zone.name for zone in self._zones],
        }


def find(site: Site) -> Optional[Source]:
    """Raises PermissionError where the counters are root's, as they are since CVE-2020-8694."""
    zones = []
    for folder in found(site.root, "sys/class/powercap/intel-rapl:*"):
        if os.path.lexists(os.path.join(folder, "energy_uj")):
            range_text = line(folder, "max_energy_range_uj")
            range_uj = int(range_text) if range_text.isdigit() else 0
            zones.append(_Zone(_name(folder), OpenFile(site.root, folder, "energy_uj"), range_uj))
    return Rapl(zones) if zones else None


def _name(folder: str) -> str:
    """`package-0`; for a zone inside it, such as intel-rapl:0:0 inside intel-rapl:0, `package-0.core`."""
    parent = folder.rpartition(":")[0]
    outer = line(parent, "name") + "." if ":" in os.path.basename(parent) else ""
    return key_part(outer + line(folder, "name"))
