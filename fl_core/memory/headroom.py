"""How much memory this process may still take (Linux): of the machine, and of every cgroup it is in, v1 or v2."""

import os
from typing import Iterator, Optional, Tuple

V2 = ("sys/fs/cgroup", "memory.max", "memory.current")
V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes")


def headroom_bytes(root: str = "/") -> Optional[int]:
    """The least of what any of them has left; None where nothing can be read. `root`: a recorded tree's folder."""
    found = [size for size in [_available(root), *_left_in_cgroups(root)] if size is not None]
    return max(0, min(found)) if found else None


def _available(root: str) -> Optional[int]:
    try:
        with open(os.path.join(root, "proc/meminfo")) as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("MemAvailable:"))
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
