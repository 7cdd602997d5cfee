"""Resident bytes of the worker's tree, and the worker's own high-water mark, which the kernel keeps itself: it sees
the peaks that fall between two samples."""

import time
from typing import Dict, Optional

from . import OpenFile, Reading, Site, Source, field, open_if_there

_RELIST_S = 1.0  # listing costs more than all the rest of a tick; the cgroup's charge sees every process at once


class ProcessTree(Source):
    name = "process_tree"

    def __init__(self, site: Site, worker: OpenFile) -> None:
        super().__init__()
        self._site = site
        self._statuses: Dict[int, OpenFile] = {site.pid: worker}
        self._relist_at_s = 0.0

    def read(self) -> Reading:
        self._follow_members()
        rss_bytes = 0
        values: Reading = {}
        for pid in list(self._statuses):
            text = self._status(pid)
            if text:
                rss_bytes += field(text, b"VmRSS")
                if pid == self._site.pid:
                    values["hwm_bytes"] = field(text, b"VmHWM")
        if rss_bytes:
            values["rss_bytes"] = rss_bytes
        return values

    def close(self) -> None:
        while self._statuses:
            self._statuses.popitem()[1].close()

    def _follow_members(self) -> None:
        now = time.monotonic()
        if now >= self._relist_at_s:
            self._relist_at_s = now + _RELIST_S
            for pid in self._site.members():
                status = None if pid in self._statuses else open_if_there(self._site.root, "proc", str(pid), "status")
                if status:
                    self._statuses[pid] = status

    def _status(self, pid: int) -> bytes:
        """Empty for a process that is gone, or ending, or not yet reaped: such a one has no memory."""
        try:
            text = self._statuses[pid].read()
        except (ProcessLookupError, FileNotFoundError):
            self._statuses.pop(pid).close()
            return b""
        return b"" if b"\nState:" in text and b"\nVm" not in text else text


def find(site: Site) -> Optional[Source]:
    worker = open_if_there(site.root, "proc", str(site.pid), "status")
    return ProcessTree(site, worker) if worker else None
