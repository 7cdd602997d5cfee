"""Proportional set size of the worker's tree: shared pages counted once; and its unique set size: what ending the
process would free. Read at a low rate, because the kernel walks all page tables for it (10 ms and more for a GB)."""

import os
from typing import Optional

from . import Reading, Site, Source, field


class Pss(Source):
    name = "pss"

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def read(self) -> Reading:
        pss_bytes = uss_bytes = 0
        for pid in self._site.members():
            try:
                with open(_path(self._site, pid), "rb") as stream:
                    text = stream.read()
            except (ProcessLookupError, FileNotFoundError):  # ended meanwhile
                continue
            if text:  # a process that is ending has no mappings left
                pss_bytes += field(text, b"Pss")
                uss_bytes += field(text, b"Private_Clean") + field(text, b"Private_Dirty")
        return {"pss_bytes": pss_bytes, "uss_bytes": uss_bytes} if pss_bytes else {}


def _path(site: Site, pid: int) -> str:
    return os.path.join(site.root, "proc", str(pid), "smaps_rollup")


def find(site: Site) -> Optional[Source]:
    """None before Linux 4.14, which brought smaps_rollup."""
    return Pss(site) if os.path.exists(_path(site, site.pid)) else None
