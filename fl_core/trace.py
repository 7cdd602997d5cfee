"""What a worker writes down while it works: one JSON line per phase and per round, on its own monotonic clock.

A line is written when a phase *begins*, so that a process that is killed leaves the phase it died in. Phases follow
each other without gaps: import, setup, wait, download, rehearse, compute, exchange, upload.
"""

import json
import time
from typing import IO, Any, Dict, Optional

from fl_core.memory.process import high_water_bytes, reset_high_water


class Trace:
    """Phases of one worker. Without a path nothing is written, and the seconds are still summed."""

    def __init__(self, path: Optional[str] = None, started_s: Optional[float] = None) -> None:
        self._file: Optional[IO[str]] = open(path, "a", buffering=1) if path else None  # noqa: SIM115 - kept open
        self._resets = bool(path) and reset_high_water()
        self._phase = "import"
        self._start_s = time.monotonic() if started_s is None else started_s
        self.round: Optional[int] = None
        self.stage: Optional[str] = None
        self.clear()

    def clear(self) -> None:
        """Start a round's sums anew."""
        self.seconds: Dict[str, float] = {}
        self.bytes: Dict[str, int] = {}
        self.peak_process_bytes: Optional[int] = None

    def enter(self, phase: str, at_s: Optional[float] = None) -> None:
        """End the present phase and begin another, now or at an earlier moment `at_s`.

        With `at_s` the kernel's mark cannot be split between the two phases: the new one keeps it.
        """
        end_s = time.monotonic() if at_s is None else at_s
        peak = None
        if at_s is None and self._resets:
            peak = high_water_bytes()
            reset_high_water()
            if peak is not None:
                self.peak_process_bytes = max(peak, self.peak_process_bytes or 0)
        closed = {"phase": self._phase, "start_s": self._start_s, "end_s": end_s, "peak_process_bytes": peak}
        self.write("phase", enter=phase, closed=closed)
        self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + end_s - self._start_s
        self._phase, self._start_s = phase, end_s

    def count(self, phase: str, payload_bytes: int) -> None:
        """Bytes moved in a phase of this round."""
        self.bytes[phase] = self.bytes.get(phase, 0) + payload_bytes

    def write(self, event: str, **facts: Any) -> None:
        if self._file is not None:
            line = {"event": event, "t_s": time.monotonic(), "round": self.round, "stage": self.stage}
            line.update(facts)
            self._file.write(json.dumps(line) + "\n")
