"""Reads all sensors at a fixed rate, on the grid start + k * period of the monotonic clock; with a burst rate, also the
memory alone in between, on a finer grid that is never counted late."""

import time
from typing import Any, Dict, List, Optional

from . import catalogue
from .sources import Reading, Sensors, Site, Source
from .trace import Faults, TraceFile

_SLOW_SHARE = 0.005  # a source at a low rate spaces itself so as to take no more of a core than this
_NEVER_S = float("inf")
_FLUSH_S = 1.0


class Sampler:
    def __init__(
        self,
        trace: TraceFile,
        site: Site,
        rate_hz: float,
        pss_rate_hz: float,
        faults: Faults,
        burst_hz: Optional[float] = None,
    ) -> None:
        self._trace = trace
        self._faults = faults
        self._memory = catalogue.found(catalogue.MEMORY, site, faults)
        self._fast = self._memory + catalogue.found(catalogue.EVERY_TICK, site, faults)
        self._slow = [_Paced(source, 1.0) for source in catalogue.found(catalogue.EVERY_SECOND, site, faults)]
        if pss_rate_hz > 0:
            self._slow += [_Paced(pss, 1.0 / pss_rate_hz) for pss in catalogue.found(catalogue.RARELY, site, faults)]
        self._period_s = 1.0 / rate_hz
        self._burst_s = 1.0 / burst_hz if burst_hz else None
        self._start_s = time.monotonic()
        self._burst_due_s = _NEVER_S
        self._flush_due_s = 0.0
        self._next = 0  # number of the next tick on the grid
        self.ticks = 0
        self.late_ticks = 0
        self.missed_ticks = 0
        self.burst_ticks = 0
        self._append({"sensors_about": self.about()})

    @property
    def due_s(self) -> float:
        return min(self._tick_due_s, self._burst_due_s)

    @property
    def _tick_due_s(self) -> float:
        return self._start_s + self._next * self._period_s

    def about(self) -> Dict[str, Any]:
        """The first line of a trace: what each source under "sensors" covers."""
        return {source.name: source.about() for source in self._sources() if isinstance(source, Sensors)}

    def tick(self) -> Optional[Dict[str, Any]]:
        """Take the sample that is due now, write it down, and answer it; None for one of a burst."""
        began = time.monotonic()
        if began < self._tick_due_s:
            self._burst(began)
            return None
        late_s = self._count(began)
        values: Reading = {}
        sensors: Reading = {}
        for source in self._fast:
            self._read(source, values, sensors)
        ended = time.monotonic()
        for paced in self._slow:  # after `ended`: they may take long, and would blur the others' time
            if ended >= paced.due_s:
                before = time.monotonic()
                self._read(paced.source, values, sensors)
                paced.done(before, time.monotonic())
        sample: Dict[str, Any] = {"t_s": round((began + ended) / 2, 6), "late_s": round(late_s, 6)}
        sample.update(values)
        if sensors:
            sample["sensors"] = sensors
        self._write(sample)
        return sample

    def close(self) -> None:
        self._flush()
        for source in self._sources():
            source.close()

    def _count(self, began: float) -> float:
        """Grid points already behind the one that is due were missed. Answers how late this one is."""
        number = max(self._next, int((began - self._start_s) / self._period_s))
        late_s = began - (self._start_s + number * self._period_s)
        self.ticks += 1
        self.late_ticks += late_s > self._period_s / 2
        self.missed_ticks += number - self._next
        self._next = number + 1
        return late_s

    def _burst(self, began: float) -> None:
        values: Reading = {}
        for source in self._memory:
            self._read(source, values, values)
        self.burst_ticks += 1
        self._write(dict({"t_s": round((began + time.monotonic()) / 2, 6)}, **values))

    def _sources(self) -> List[Source]:
        return self._fast + [paced.source for paced in self._slow]

    def _read(self, source: Source, values: Reading, sensors: Reading) -> None:
        try:
            (sensors if isinstance(source, Sensors) else values).update(source.read())
        except Exception as error:
            self._faults.note(source.name, str(error))
        if source.failed:
            for name in source.failed:
                self._faults.note(name, source.failed[name])
            source.failed.clear()

    def _write(self, sample: Dict[str, Any]) -> None:
        if self._burst_s:
            passed = int((time.monotonic() - self._start_s) / self._burst_s)
            self._burst_due_s = self._start_s + (passed + 1) * self._burst_s
        fresh = self._faults.take_unwritten()
        if fresh:
            sample["faults"] = fresh
        self._append(sample)

    def _append(self, record: Dict[str, Any]) -> None:
        self._trace.append(record)
        now = time.monotonic()
        if now >= self._flush_due_s:
            self._flush_due_s = now + _FLUSH_S
            self._flush()

    def _flush(self) -> None:
        try:
            self._trace.flush()
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
