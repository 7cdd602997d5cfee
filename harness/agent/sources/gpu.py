"""Load and clock of a Jetson's GPU."""

import os
from typing import List, Optional

from . import About, Gauge, Gauges, Site, Source, found, key_part, line, open_if_there

_NAMES = ("gpu", "gm20b", "gp10b", "gv11b", "ga10b")


class Gpu(Gauges):
    name = "gpu"

    def about(self) -> About:
        return {"scope": "the module's GPU: momentary load, clock by devfreq"}


def find(site: Site) -> Optional[Source]:
    gauges: List[Gauge] = []
    for folder in found(site.root, "sys/class/devfreq/*"):
        name = key_part(os.path.basename(folder).rpartition(".")[2])
        kind = line(folder, "device/of_node/name") or name
        if kind in _NAMES or name.startswith("gpu"):
            # `load` counts in thousandths; Thor has clocks, but no such file
            for file, quantity, unit in (("device/load", "load_share", 1e-3), ("cur_freq", "frequency_hz", 1)):
                opened = open_if_there(site.root, folder, file)
                if opened:
                    gauges.append(Gauge(f"gpu/{name}/{quantity}", opened, unit))
    return Gpu(gauges) if gauges else None
