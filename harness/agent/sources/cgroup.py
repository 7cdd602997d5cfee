"""What the kernel charges the worker's cgroup with, now and at most, and how often it killed there for memory."""

from typing import Optional

from . import OpenFile, Reading, Site, Source, open_if_there

_OOM_KILL = b"\noom_kill "
_VERSIONS = (
    ("memory.current", "memory.peak", "memory.events"),
    ("memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control"),
)


class GroupCharge(Source):
    name = "cgroup"

    def __init__(self, current: OpenFile, peak: Optional[OpenFile], events: Optional[OpenFile]) -> None:
        super().__init__(current, peak, events)
        self._current = current
        self._peak = peak  # memory.peak came with Linux 5.19
        self._events = events if events and _OOM_KILL in events.read() else None  # counted from Linux 4.13

    def read(self) -> Reading:
        values: Reading = {"cgroup_bytes": self._current.number()}
        if self._peak:
            values["cgroup_peak_bytes"] = self._peak.number()
        if self._events:
            values["cgroup_oom_kills"] = int(self._events.read().partition(_OOM_KILL)[2].split(b"\n", 1)[0])
        return values


def find(site: Site) -> Optional[Source]:
    for current, peak, events in _VERSIONS:
        opened = open_if_there(site.group, current) if site.group else None
        if site.group and opened:
            return GroupCharge(opened, open_if_there(site.group, peak), open_if_there(site.group, events))
    return None
