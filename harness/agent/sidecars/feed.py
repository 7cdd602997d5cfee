"""What every sidecar does alike: its options, its file of JSON lines, its cadence, and its end when stdin closes.

The file's first line is {"about": {...}}; then {"t_s": .., "sensors": {"<source>/<sensor>/<quantity_unit>": value}} on
the board's monotonic clock, and {"t_s": .., "fault": {"source": .., "what": ..}}. A value nobody measured is absent.
"""

import json
import os
import resource
import select
import sys
import time
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

Values = Dict[str, Union[int, float]]  # keys without the source: "total/power_w"
MODULE_MISSING, FAILED = 4, 1


class StdinClosed(Exception):
    """The agent is gone or wants no more."""


class Fault(Exception):
    """The sensor cannot go on; the message names it and, where there is one, the remedy."""


class Feed:
    def __init__(self, source: str, out: str, rate_hz: float) -> None:
        self.source = source
        self.period_s = 1.0 / rate_hz
        self._fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._torn = False
        self._lost = 0
        self._faults: Dict[str, str] = {}  # sensor -> the fault that lasts
        self._start_s = time.monotonic()
        self._next = 0

    def about(self, **facts: Any) -> None:
        facts.update(source=self.source, clock="monotonic, of the board", rate_hz=round(1.0 / self.period_s, 3))
        self._append({"about": facts})

    def sensors(self, t_s: float, values: Values, sensor: str = "") -> None:
        """One sample, with what this sidecar has cost so far: the observer is measured too."""
        named = {f"{self.source}/{name}": value for name, value in values.items()}
        if named:
            self._faults.pop(sensor, None)
            named[f"{self.source}/own/cpu_s"] = round(_cpu_s(), 4)
            self._append({"t_s": round(t_s, 6), "sensors": named})

    def fault(self, what: str, sensor: str = "") -> None:
        """A fault is written when it begins, not again while it lasts."""
        if what != self._faults.get(sensor):
            self._faults[sensor] = what
            source = f"{self.source}/{sensor}" if sensor else self.source
            self._append({"t_s": round(time.monotonic(), 6), "fault": {"source": source, "what": what}})

    def next_tick(self) -> None:
        """Wait for the next point of the grid; points already gone by are left out. Raises StdinClosed."""
        self._next = max(self._next + 1, int((time.monotonic() - self._start_s) / self.period_s) + 1)
        self.wait(self._start_s + self._next * self.period_s)

    def wait(self, until_s: float, fds: Iterable[int] = ()) -> List[int]:
        """The descriptors among `fds` that are readable, as soon as there is one, or none. Raises StdinClosed."""
        while True:
            ready, _, _ = select.select([0, *fds], [], [], max(0.0, until_s - time.monotonic()))
            if 0 in ready and not os.read(0, 4096):
                raise StdinClosed
            ready = [fd for fd in ready if fd != 0]
            if ready or time.monotonic() >= until_s:
                return ready

    def _append(self, record: Dict[str, Any]) -> None:
        """A full disk does not end the stream; what was lost is said as soon as there is space again."""
        if self._lost:
            record = dict(record, lost_lines=self._lost)
        line = ("\n" if self._torn else "") + json.dumps(record) + "\n"
        try:
            self._torn = os.write(self._fd, line.encode()) < len(line)
        except OSError:
            self._lost += 1
        else:
            self._lost = 1 if self._torn else 0


def run(source: str, read: Callable[[Feed], None], rate_hz: float, arguments: Optional[List[str]] = None) -> int:
    """`main` of every sidecar: --out FILE [--rate HZ]."""
    words = sys.argv[1:] if arguments is None else arguments
    options = {"--rate": str(rate_hz)}
    options.update(zip(words[::2], words[1::2]))
    if len(words) % 2 or set(options) != {"--out", "--rate"} or float(options["--rate"]) <= 0:
        sys.exit(f"usage: {source} --out FILE [--rate HZ]")
    feed = Feed(source, options["--out"], float(options["--rate"]))
    try:
        read(feed)
    except StdinClosed:
        return 0
    except ImportError as error:
        feed.fault(str(error))
        return MODULE_MISSING
    except Fault as fault:
        feed.fault(str(fault))
    except Exception as error:
        feed.fault(f"ended by {type(error).__name__}: {error}")
        raise
    return FAILED


def add_total(values: Values, rails: Sequence[str]) -> None:
    """The sum of these rails, or none where one of them is missing: never a part of it."""
    keys = [f"{rail}/power_w" for rail in rails]
    if keys and all(key in values for key in keys):
        values["total/power_w"] = round(sum(values[key] for key in keys), 6)


def _cpu_s() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
