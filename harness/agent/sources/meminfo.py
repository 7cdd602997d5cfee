"""MemAvailable of the board."""

from typing import Optional

from . import OpenFile, Reading, Site, Source, field, open_if_there


class MemInfo(Source):
    name = "meminfo"

    def __init__(self, meminfo: OpenFile) -> None:
        super().__init__(meminfo)
        self._meminfo = meminfo

    def read(self) -> Reading:
        return {"mem_available_bytes": field(self._meminfo.read(256), b"MemAvailable")}


def find(site: Site) -> Optional[Source]:
    meminfo = open_if_there(site.root, "proc/meminfo")
    return MemInfo(meminfo) if meminfo else None
