"""Polls one meter at about 1 Hz, in a thread, into a file of JSON lines like the ones that boards write.

Times are the controller's raw monotonic clock: the middle of each request, with half its length as `span_s`.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from harness.clock import now_s
from harness.meters.base import Meter, MeterFault

_GAP_PERIODS = 3.0  # a longer silence is a hole, which nobody may bridge by interpolation


class Poller:
    """Use as a context manager: the meter is read while the block runs."""

    def __init__(self, meter: Meter, out: Path, *, source: str, period_s: float = 1.0, timeout_s: float = 0.8) -> None:
        """`source` begins the keys in the file: "<source>/<scope>/power_w"."""
        self._meter = meter
        self._out = out
        self._source = source
        self._period_s = period_s
        self._timeout_s = timeout_s
        self._fd = -1
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"meter {source}", daemon=True)
        self._last_s: float | None = None
        self._last_energy_j: float | None = None
        self._last_own_s: float | None = None
        self._fault = ""
        self.readings = 0
        self.faults = 0

    def __enter__(self) -> Poller:
        """Raises OSError where the file cannot be written."""
        self._fd = os.open(self._out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends after the request that is under way, hence within its deadline."""
        self._stop.set()
        self._thread.join(self._timeout_s + 1.0)

    def _run(self) -> None:
        start_s = now_s()
        tick = 0
        try:
            self._write({"about": self._about()})
            while not self._stop.wait(max(0.0, start_s + tick * self._period_s - now_s())):
                self._poll()
                tick = max(tick + 1, int((now_s() - start_s) / self._period_s))
        finally:
            os.close(self._fd)

    def _about(self) -> dict[str, Any]:
        return {
            "source": self._source,
            "meter": self._meter.name,
            "scope": self._meter.scope,
            "clock": "monotonic raw, of the controller",
            "period_s": self._period_s,
            "timeout_s": self._timeout_s,
        }

    def _poll(self) -> None:
        began = now_s()
        try:
            reading = self._meter.read(self._timeout_s)
        except MeterFault as fault:
            self._note(f"{fault.message}; {fault.remedy}" if fault.remedy else fault.message)
            return
        except Exception as error:  # a meter's bug must not end the stream
            self._note(f"{type(error).__name__}: {error}")
            return
        ended = now_s()
        if reading.own_time_s is not None and reading.own_time_s == self._last_own_s:
            self._note("nothing new from the meter")
            return
        self._last_own_s = reading.own_time_s
        t_s = round((began + ended) / 2, 6)
        record: dict[str, Any] = {"t_s": t_s, "span_s": round((ended - began) / 2, 6)}
        if self._last_s is not None and t_s - self._last_s > _GAP_PERIODS * self._period_s:
            record["gap_s"] = round(t_s - self._last_s, 6)
        self._watch_counter(t_s, reading.energy_j)
        record["sensors"] = {
            f"{self._source}/{self._meter.scope}/{name}": value for name, value in reading.sensors().items()
        }
        self._write(record)
        self._last_s, self._fault = t_s, ""
        self.readings += 1

    def _watch_counter(self, t_s: float, energy_j: float | None) -> None:
        """A counter that goes back was reset or wrapped; the difference across it counts for nothing."""
        if energy_j is None:
            return
        if self._last_energy_j is not None and energy_j < self._last_energy_j:
            what = f"the counter went back from {self._last_energy_j:g} to {energy_j:g} J: reset or wrapped"
            self._write({"t_s": t_s, "fault": {"source": f"{self._source}/{self._meter.scope}/energy_j", "what": what}})
            self.faults += 1
        self._last_energy_j = energy_j

    def _note(self, what: str) -> None:
        """Each fault is written when it begins; its end is the next reading, with `gap_s` where it was long."""
        self.faults += 1
        if what != self._fault:
            self._fault = what
            self._write({"t_s": round(now_s(), 6), "fault": {"source": self._source, "what": what}})

    def _write(self, record: dict[str, Any]) -> None:
        try:
            os.write(self._fd, (json.dumps(record) + "\n").encode())
        except OSError:  # a full disk: the hole shows in the times
            pass
