"""Clock of each core that is online."""

import os
from typing import Dict, List, Optional, Set, Tuple

from . import About, OpenFile, Reading, Sensors, Site, Source, found, open_if_there

_CPU = "sys/devices/system/cpu"


class CpuClock(Sensors):
    name = "cpu_clock"

    def __init__(self, root: str, online: OpenFile) -> None:
        super().__init__(online)
        self._root = root
        self._online = online
        self._text: Optional[bytes] = None
        self._clocks: List[Tuple[OpenFile, List[str]]] = []

    def read(self) -> Reading:
        text = self._online.read(256)
        if text != self._text:
            self._follow(_cores(text.decode("ascii")))
            self._text = text
        values: Reading = {}
        for opened, keys in self._clocks:
            try:
                values.update(dict.fromkeys(keys, opened.number() * 1000))
            except (OSError, ValueError) as error:
                self.failed[keys[0].rpartition("/")[0]] = str(error)
        return values

    def _follow(self, cores: Set[int]) -> None:
        """Open the clocks of these cores: one file for all the cores that share a policy."""
        self._close_clocks()
        keys: Dict[str, List[str]] = {}
        for core in sorted(cores):
            path = os.path.realpath(os.path.join(self._root, _CPU, f"cpu{core}/cpufreq/scaling_cur_freq"))
            keys.setdefault(path, []).append(f"cpu_clock/cpu{core}/frequency_hz")
        for path in keys:
            opened = open_if_there(self._root, path)
            if opened:
                self._clocks.append((opened, keys[path]))

    def _close_clocks(self) -> None:
        while self._clocks:
            self._clocks.pop()[0].close()

    def close(self) -> None:
        self._close_clocks()
        super().close()

    def about(self) -> About:
        return {"scope": "cores online, by scaling_cur_freq: on a Raspberry Pi what was asked for, not what is"}


def _cores(text: str) -> Set[int]:
    """The kernel's lists, such as 0-3,6."""
    cores: Set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cores.update(range(int(first), int(last or first) + 1))
    return cores


def find(site: Site) -> Optional[Source]:
    online = open_if_there(site.root, _CPU, "online")
    if online and found(site.root, f"{_CPU}/cpu[0-9]*/cpufreq/scaling_cur_freq"):
        return CpuClock(site.root, online)
    return None
