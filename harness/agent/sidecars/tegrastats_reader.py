"""NVIDIA's tegrastats as a sidecar. Samples carry the time at which their line arrived; their age is not known."""

import os
import signal
import subprocess
import sys
import time
from typing import Optional, Tuple

from ..jetson import total_of
from ..linux import die_with_parent
from . import feed
from .tegrastats_parse import parse, rails_in

SOURCE = "tegrastats"
RATE_HZ = 2.0
_SILENCE = 3  # intervals without a line, and a second for the board: then it hangs
_LONGEST_LINE = 65536


def read(out: feed.Feed) -> None:
    me = os.getpid()
    try:
        child = subprocess.Popen(
            ["tegrastats", "--interval", str(max(1, round(1000 * out.period_s)))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            preexec_fn=lambda: die_with_parent(me),
        )
    except OSError as error:
        raise feed.Fault(f"tegrastats does not start: {error.strerror}")
    try:
        _Lines(out, child).follow()
    finally:
        child.kill()
        child.wait()


class _Lines:
    def __init__(self, out: feed.Feed, child: "subprocess.Popen[bytes]") -> None:
        assert child.stdout
        self._out = out
        self._child = child
        self._fd = child.stdout.fileno()
        self._partial = b""
        self._total: Optional[Tuple[str, ...]] = None

    def follow(self) -> None:
        patience_s = _SILENCE * self._out.period_s + 1.0
        while True:
            if not self._out.wait(time.monotonic() + patience_s, [self._fd]):
                self._out.fault(f"no line for {patience_s:g} s")
                continue
            chunk = os.read(self._fd, 65536)
            now = time.monotonic()
            if not chunk:
                raise feed.Fault(f"tegrastats ended by itself ({_ending(self._child.wait())})")
            *lines, self._partial = (self._partial + chunk).split(b"\n")
            self._partial = self._partial[-_LONGEST_LINE:]
            for line in lines:
                self._sample(now, line.decode("ascii", "replace").strip())

    def _sample(self, t_s: float, line: str) -> None:
        values = parse(line)
        if not values:
            if line:
                self._out.fault(f"not a line of tegrastats: {line[:80]!r}")
            return
        if self._total is None:
            rails = rails_in(values)
            self._total, covered = total_of(rails)
            self._out.about(
                **covered,
                version="not told by tegrastats",
                rails=rails,
                time="arrival of the line; its age is up to one interval",
            )
        feed.add_total(values, self._total)
        self._out.sensors(t_s, values)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


if __name__ == "__main__":
    sys.exit(feed.run(SOURCE, read, RATE_HZ))
