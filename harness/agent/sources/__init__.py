"""One file per sensor. Each has `find(site) -> source or None` (None: this board has no such sensor), and a source
has `read() -> {metric: value}` over descriptors that stay open. The metrics' names are columns of SAMPLES.

A metric that is not there right now is absent from the dict; OSError or ValueError means that the sensor failed.
"""

import os
from typing import Callable, Dict, Iterable, NamedTuple, Optional, Union

Number = Union[int, float]
Reading = Dict[str, Number]


class Site(NamedTuple):
    """Where sensors look."""

    root: str  # the folder that stands for /
    pid: int  # the worker
    group: Optional[str]  # folder of its memory cgroup, if it has one
    members: Callable[[], Iterable[int]]  # lists the pids of its tree


class OpenFile:
    """A descriptor read again and again from the start: a third of the cost of opening each time."""

    def __init__(self, *path: str) -> None:
        self._fd = os.open(os.path.join(*path), os.O_RDONLY)

    def read(self, size: int = 4096) -> bytes:
        return os.pread(self._fd, size, 0)

    def close(self) -> None:
        os.close(self._fd)


class Source:
    """Base of all sensors."""

    name = ""

    def __init__(self, *files: Optional[OpenFile]) -> None:
        self.files = [opened for opened in files if opened]

    def read(self) -> Reading:
        raise NotImplementedError

    def close(self) -> None:
        for opened in self.files:
            opened.close()


def open_if_there(*path: str) -> Optional[OpenFile]:
    try:
        return OpenFile(*path)
    except OSError:
        return None


def field(text: bytes, name: bytes) -> int:
    """The bytes of a `Name:   123 kB` line."""
    start = text.find(b"\n" + name + b":") + 1 or (0 if text.startswith(name + b":") else -1)
    words = text[start:].split(b"\n", 1)[0].split() if start >= 0 else []
    if len(words) != 3 or words[2] != b"kB" or not words[1].isdigit():
        raise ValueError(f"no {str(name, 'ascii')} in kB")
    return int(words[1]) * 1024
