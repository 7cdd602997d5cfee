"""A board's clock that jumps or drifts, for Python programs that start from then on, by libfaketime.

The kernel has one clock for all namespaces, so a board's cannot be set; libfaketime answers in its place, for the
monotonic clock too. The board's interpreter is a script that loads it where `ORDERS` says so: agent and worker have the
false clock, sshd has not, which does not bear it.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from harness.fault_kinds import FaultKind

ORDERS = Path("/run/board/clock")
_SHIFTS = {
    FaultKind.CLOCK_JUMP: "+3600s",  # OURS: a daylight-saving error
    FaultKind.CLOCK_DRIFT: "+1s x1.0004",  # OURS: 400 ppm, four times what a bad crystal does; counts from each start
}


def library() -> Path | None:
    """libfaketime for programs with threads, where Debian's package puts it."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def follow(faults: Set[str]) -> None:
    """Gives the orders that the faults ask for, as lines of shell. Called on the board."""
    shift = next((shift for kind, shift in _SHIFTS.items() if kind in faults), None)
    if shift is None:
        ORDERS.unlink(missing_ok=True)
    else:
        ORDERS.write_text(f"export LD_PRELOAD={library()} FAKETIME='{shift}'\n")
