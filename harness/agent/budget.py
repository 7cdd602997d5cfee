"""The worker's memory budget, by the best means that the board permits; every choice comes with a sentence why.

A cgroup counts the resident bytes of the whole tree and ends it by a kill that the kernel counts. The fallback is
RLIMIT_DATA rather than RLIMIT_AS: torch maps much address space that it never touches (libraries, reservations),
which RLIMIT_AS counts and RLIMIT_DATA (private writable mappings, from Linux 4.7) does not.
"""

import os
import resource
from typing import List, Optional, Tuple

from . import cgroup


class Budget:
    """What holds one worker; `kind` is cgroup_v2, cgroup_v1, rlimit or none."""

    def __init__(self, limit_bytes: Optional[int], name: str, root: str) -> None:
        self.limit_bytes = limit_bytes
        self.group, refusal = cgroup.make(name, root)
        self._rlimit: Optional[int] = None
        if self.group is not None and limit_bytes is not None:
            try:
                swap = self.group.limit(limit_bytes)
            except OSError as error:
                refusal = f"limit of cgroup {self.group.version.kind} refused: {error}"
                self.group.remove()
                self.group = None
        where = f"cgroup {self.group.version.kind} at {self.group.shown}" if self.group else ""
        if limit_bytes is None:
            self.kind = "none"
            self.detail = "no budget asked; " + (f"{where} only measures" if where else refusal)
        elif self.group is not None:
            self.kind = "cgroup_" + self.group.version.kind
            self.detail = f"{where}; {swap}"
        else:
            self.kind = "rlimit"
            self._rlimit, what = _rlimit_for(os.uname().release)
            self.detail = f"{what}, for each process by itself, a refusal instead of a kill; {refusal}"

    def enter(self) -> None:
        """Called in the child, last before exec."""
        if self.group is not None:
            self.group.enter()
        if self._rlimit is not None and self.limit_bytes is not None:
            resource.setrlimit(self._rlimit, (self.limit_bytes, self.limit_bytes))

    def members(self) -> List[int]:
        return self.group.members() if self.group is not None else []

    def peak_bytes(self) -> Optional[int]:
        return self.group.peak_bytes() if self.group is not None else None

    def oom_kills(self) -> Optional[int]:
        return self.group.oom_kills() if self.group is not None else None

    def remove(self) -> bool:
        return self.group is None or self.group.remove()


def _rlimit_for(release: str) -> Tuple[int, str]:
    version = tuple(int(part) for part in release.split("-")[0].split(".")[:2] if part.isdigit())
    if version >= (4, 7):
        return resource.RLIMIT_DATA, "RLIMIT_DATA (private writable address space, not resident bytes)"
    return resource.RLIMIT_AS, "RLIMIT_AS (all address space; RLIMIT_DATA counts too little before Linux 4.7)"
