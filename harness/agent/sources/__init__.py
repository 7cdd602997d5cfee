"""One file per sensor. Each has `find(site) -> source or None` (None: this board has no such sensor), and a source
has `read() -> {metric: value}` over descriptors that stay open. The metrics' names are columns of SAMPLES.

A metric that is not there right now is absent from the dict; OSError or ValueError means that the sensor failed.
From `find`, OSError means that the sensor is there but refuses to be read.

Sensors whose set varies by board derive from `Sensors`: their values go under "sensors" in a sample, with keys
<source>/<sensor>/<quantity_with_unit>, and `about()` says once a trace what they cover.
"""

import glob
import os
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Union

Number = Union[int, float]
Reading = Dict[str, Number]
About = Dict[str, Any]


class Site(NamedTuple):
    """Where sensors look."""

    root: str  # the folder that stands for /
    pid: int  # the worker
    group: Optional[str]  # folder of its memory cgroup, if it has one
    members: Callable[[], Iterable[int]]  # lists the pids of its tree


class OpenFile:
    """A descriptor read again and again from the start: a third of the cost of opening each time.

    In a folder that stands for /, files are plain ones, and whoever plays the sensor may replace them by renaming.
    """

    def __init__(self, *path: str) -> None:
        self._path = os.path.join(*path)
        self._replaceable = path[0] != "/"
        self._fd = os.open(self._path, os.O_RDONLY)

    def read(self, size: int = 4096) -> bytes:
        if self._replaceable and os.fstat(self._fd).st_nlink == 0:
            fd = os.open(self._path, os.O_RDONLY)
            os.close(self._fd)
            self._fd = fd
        return os.pread(self._fd, size, 0)

    def number(self) -> int:
        """The one integer that most sensor files hold; signed, because idle rails do read below zero."""
        return int(self.read(64))

    def close(self) -> None:
        os.close(self._fd)


class Source:
    """Base of all sources."""

    name = ""

    def __init__(self, *files: Optional[OpenFile]) -> None:
        self.files = [opened for opened in files if opened]
        self.failed: Dict[str, str] = {}  # parts that failed in a reading which is good otherwise: name -> what

    def read(self) -> Reading:
        raise NotImplementedError

    def close(self) -> None:
        for opened in self.files:
            opened.close()


class Sensors(Source):
    """Base of sources whose set of sensors varies by board."""

    def about(self) -> About:
        """What the figures cover: scope, what enters a total, resolution, known errors."""
        raise NotImplementedError


class Gauge(NamedTuple):
    """A file with one integer."""

    key: str  # <source>/<sensor>/<quantity_with_unit>
    opened: OpenFile
    unit: Number  # what a count of one means


class Gauges(Sensors):
    """Independent gauges: one that fails is missing by itself."""

    def __init__(self, gauges: List[Gauge]) -> None:
        super().__init__(*(gauge.opened for gauge in gauges))
        self._gauges = gauges

    def read(self) -> Reading:
        values: Reading = {}
        for key, opened, unit in self._gauges:
            try:
                values[key] = round(opened.number() * unit, 6)
            except BlockingIOError:  # EAGAIN, of zones whose part of the chip is switched off: not measured, no fault
                pass
            except (OSError, ValueError) as error:
                self.failed[key.rpartition("/")[0]] = str(error)
        return values


def open_if_there(*path: str) -> Optional[OpenFile]:
    try:
        return OpenFile(*path)
    except OSError:
        return None


def found(root: str, *patterns: str) -> List[str]:
    """Whole paths of what is there below root, in order."""
    return sorted(path for pattern in patterns for path in glob.glob(os.path.join(glob.escape(root), pattern)))


def line(*path: str) -> str:
    """A small text, such as a sensor's name; empty when it cannot be read. Device-tree texts end in NUL."""
    try:
        with open(os.path.join(*path), "rb") as stream:
            return stream.read(4096).decode("utf-8", "replace").strip("\0 \n")
    except OSError:
        return ""


def key_part(text: str) -> str:
    """A sensor's name as a part of a key."""
    return "_".join(text.replace("/", " ").split())


def field(text: bytes, name: bytes) -> int:
    """The bytes of a `Name:   123 kB` line."""
    start = text.find(b"\n" + name + b":") + 1 or (0 if text.startswith(name + b":") else -1)
    words = text[start:].split(b"\n", 1)[0].split() if start >= 0 else []
    if len(words) != 3 or words[2] != b"kB" or not words[1].isdigit():
        raise ValueError(f"no {str(name, 'ascii')} in kB")
    return int(words[1]) * 1024
