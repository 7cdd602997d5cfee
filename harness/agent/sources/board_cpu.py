"""Busy share of all the board's cores since the last reading."""

from typing import List, Optional

from . import OpenFile, Reading, Site, Source, open_if_there


class BoardCpu(Source):
    name = "board_cpu"

    def __init__(self, stat: OpenFile) -> None:
        super().__init__(stat)
        self._stat = stat
        self._last: Optional[List[int]] = None

    def read(self) -> Reading:
        words = self._stat.read(256).split(b"\n", 1)[0].split()
        if len(words) < 6 or words[0] != b"cpu":
            raise ValueError("no line of all cores in /proc/stat")
        # user nice system idle iowait irq softirq steal; guest time is part of user time already
        ticks = [int(word) for word in words[1:9]]
        last, self._last = self._last, ticks
        if last is None:
            return {}
        spent = [max(0, now - then) for now, then in zip(ticks, last)]  # iowait may run backwards
        total = sum(spent)
        if total == 0:  # two readings within one tick of the kernel
            return {}
        return {"cpu_board_share": round(1.0 - float(spent[3] + spent[4]) / total, 4)}


def find(site: Site) -> Optional[Source]:
    stat = open_if_there(site.root, "proc/stat")
    return BoardCpu(stat) if stat else None
