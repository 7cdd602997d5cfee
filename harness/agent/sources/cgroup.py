"""What the kernel charges the worker's cgroup with, now and at most."""

from typing import Optional

from . import OpenFile, Reading, Site, Source, open_if_there


class GroupCharge(Source):
    name = "cgroup"

    def __init__(self, current: OpenFile, peak: Optional[OpenFile]) -> None:
        super().__init__(current, peak)
        self._current = current
        self._peak = peak  # memory.peak came with Linux 5.19

    def read(self) -> Reading:
        values: Reading = {"cgroup_bytes": int(self._current.read())}
        if self._peak:
            values["cgroup_peak_bytes"] = int(self._peak.read())
        return values


def find(site: Site) -> Optional[Source]:
    for current, peak in (("memory.current", "memory.peak"), ("memory.usage_in_bytes", "memory.max_usage_in_bytes")):
        opened = open_if_there(site.group, current) if site.group else None
        if site.group and opened:
            return GroupCharge(opened, open_if_there(site.group, peak))
    return None
