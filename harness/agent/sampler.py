"""Reads all sensors at a fixed rate, on the grid start + k * period of the monotonic clock."""

import time
from typing import Any, Dict

from .sources import Reading, Site, Source, board_cpu, cgroup, meminfo, own, process_tree, pss, tree_cpu
from .trace import Faults, TraceFile

EVERY_TICK = (process_tree, cgroup, meminfo, own)
# Sums that only grow need no high rate, and a share over less than a second is mostly the kernel's 10 ms tick.
EVERY_SECOND = (tree_cpu, board_cpu)
_SLOW_SHARE = 0.005  # a source at a low rate spaces itself so as to take no more of a core than this


class Sampler:
    def __init__(self, trace: TraceFile, site: Site, rate_hz: float, pss_rate_hz: float, faults: Faults) -> None:
        self._trace = trace
        self._faults = faults
        self._fast = [source for source in (module.find(site) for module in EVERY_TICK) if source]
        self._slow = [_Paced(source, 1.0) for source in (module.find(site) for module in EVERY_SECOND) if source]
        pss_source = pss.find(site) if pss_rate_hz > 0 else None
        if pss_source:
            self._slow.append(_Paced(pss_source, 1.0 / pss_rate_hz))
        self._period_s = 1.0 / rate_hz
        self._start_s = time.monotonic()
        self._next = 0  # number of the next tick on the grid
        self.ticks = 0
        self.late_ticks = 0
        self.missed_ticks = 0

    @property
    def due_s(self) -> float:
        return self._start_s + self._next * self._period_s

    def tick(self) -> Dict[str, Any]:
        """Take the sample that is due now and write it down. Grid points already behind it were missed."""
        began = time.monotonic()
        number = max(self._next, int((began - self._start_s) / self._period_s))
        late_s = began - (self._start_s + number * self._period_s)
        self.ticks += 1
        self.late_ticks += late_s > self._period_s / 2
        self.missed_ticks += number - self._next
        self._next = number + 1

        values: Reading = {}
        for source in self._fast:
            values.update(self._read(source))
        ended = time.monotonic()
        for paced in self._slow:  # after `ended`: they may take long, and would blur the others' time
            if ended >= paced.due_s:
                before = time.monotonic()
                values.update(self._read(paced.source))
                paced.done(before, time.monotonic())
        sample: Dict[str, Any] = {"t_s": round((began + ended) / 2, 6), "late_s": round(late_s, 6)}
        sample.update(values)
        self._write(sample)
        return sample

    def close(self) -> None:
        for source in self._fast + [paced.source for paced in self._slow]:
            source.close()

    def _read(self, source: Source) -> Reading:
        try:
            return source.read()
        except (OSError, ValueError, IndexError) as error:
            self._faults.note(source.name, str(error))
            return {}

    def _write(self, sample: Dict[str, Any]) -> None:
        fresh = self._faults.take_unwritten()
        if fresh:
            sample["faults"] = fresh
        try:
            self._trace.append(sample)
        except OSError as error:
            self._faults.note("samples_file", str(error))


class _Paced:
    """A source that is read less often than every tick, and the less often the longer a reading takes."""

    def __init__(self, source: Source, period_s: float) -> None:
        self.source = source
        self.due_s = 0.0
        self._period_s = period_s

    def done(self, began: float, ended: float) -> None:
        self.due_s = began + max(self._period_s, (ended - began) / _SLOW_SHARE)
