"""The board's memory: MemAvailable, swap in use, and NvMap, which is what a Jetson's GPU took of it."""

from typing import Optional

from . import OpenFile, Reading, Site, Source, field, open_if_there


class MemInfo(Source):
    name = "meminfo"

    def __init__(self, meminfo: OpenFile) -> None:
        super().__init__(meminfo)
        self._meminfo = meminfo
        text = meminfo.read()
        self._has_swap = b"\nSwapTotal:" in text
        self._has_nvmap = b"\nNvMapMemUsed:" in text

    def read(self) -> Reading:
        text = self._meminfo.read()
        values: Reading = {"mem_available_bytes": field(text, b"MemAvailable")}
        if self._has_swap:
            values["swap_used_bytes"] = field(text, b"SwapTotal") - field(text, b"SwapFree")
        if self._has_nvmap:
            values["nvmap_bytes"] = field(text, b"NvMapMemUsed")
        return values


def find(site: Site) -> Optional[Source]:
    meminfo = open_if_there(site.root, "proc/meminfo")
    return MemInfo(meminfo) if meminfo else None
