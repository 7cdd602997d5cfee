"""How much memory this process may still take (Linux): of the machine, of every cgroup it is in, v1 or v2, and of its
own limit on data (RLIMIT_DATA), which stands in for a cgroup where there is none."""

import os
from typing import Iterator, Optional, Tuple

V2 = ("sys/fs/cgroup", "memory.max", "memory.current")
V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")


def headroom_bytes(root: str = "/") -> Optional[int]:
    """The least of what any of them has left; None where nothing can be read. `root`: a recorded tree's folder."""
    known = [_available(root), _left_of_own_limit(root), *_left_in_cgroups(root)]
    found = [size for size in known if size is not None]
    return max(0, min(found)) if found else None


def _available(root: str) -> Optional[int]:
    found = _word(os.path.join(root, "proc/meminfo"), "MemAvailable:", 1)
    return None if found is None else found * 1024


def _left_of_own_limit(root: str) -> Optional[int]:
    most = _word(os.path.join(root, "proc/self/limits"), "Max data size", 3)
    used = _word(os.path.join(root, "proc/self/status"), "VmData:", 1)
    return None if most is None or used is None else most - used * 1024


def _word(path: str, line: str, place: int) -> Optional[int]:
    """A whole number in the line that begins so; None also for `unlimited`."""
    try:
        with open(path) as file:
            return next(int(text.split()[place]) for text in file if text.startswith(line))
    except (OSError, StopIteration, ValueError):
        return None


def _left_in_cgroups(root: str) -> Iterator[Optional[int]]:
    """A limit holds for everything below it, so the path is followed to the top."""
    for (mount, limit, usage), path in _cgroups(root):
        while True:
            folder = os.path.join(root, mount, path.strip("/"))
            most, used = _number(os.path.join(folder, limit)), _number(os.path.join(folder, usage))
            yield None if most is None or used is None else most - used
            if path in ("", "/"):
                break
            path = os.path.dirname(path)


def _cgroups(root: str) -> Iterator[Tuple[Tuple[str, str, str], str]]:
    try:
        with open(os.path.join(root, "proc/self/cgroup")) as file:
            lines = file.read().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield V2, path
        elif "memory" in controllers.split(","):
            yield V1, path


def _number(path: str) -> Optional[int]:
    """None also for v2's `max`."""
    try:
        with open(path) as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
