"""CPU seconds of the worker's tree since its start.

A process that outlives its parent counts only while it lives; all others are in their parent's figures once they end.
"""

import os
from typing import Optional

from . import Reading, Site, Source, open_if_there

_CLOCK_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


class TreeCpu(Source):
    name = "tree_cpu"

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def read(self) -> Reading:
        ticks = [_cpu_ticks(self._site.root, pid) for pid in self._site.members()]
        return {"cpu_worker_s": round(sum(ticks) * _CLOCK_TICK_S, 3)} if ticks else {}


def _cpu_ticks(root: str, pid: int) -> int:
    stat = open_if_there(root, "proc", str(pid), "stat")
    if stat is None:  # ended meanwhile
        return 0
    try:
        words = stat.read().rpartition(b")")[2].split()
    except ProcessLookupError:
        return 0
    finally:
        stat.close()
    if len(words) < 15:
        raise ValueError(f"stat of process {pid} is cut short")
    return sum(int(word) for word in words[11:15])  # own and reaped children's, user and system


def find(site: Site) -> Optional[Source]:
    return TreeCpu(site) if os.path.isdir(os.path.join(site.root, "proc", str(site.pid))) else None
