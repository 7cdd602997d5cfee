"""A temperature window before a cell: a board that is still hot from the last one is another board.

The window is the board's own baseline, taken at rest, give or take `TOLERANCE_C`. Waiting cools; it does not warm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

TOLERANCE_C = 2.0
POLL_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Warmth:
    """How warm a board was when its cell began."""

    # not_waited_for (no cool-down was asked for), within, colder, timed_out (still hotter), unknown (not measured)
    verdict: str
    temperature_c: float | None
    baseline_c: float | None
    waited_s: float


def decide(temperature_c: float | None, baseline_c: float | None, waited_s: float, timeout_s: float) -> str | None:
    """The verdict to begin with, or None: wait on.

    Who waits for nothing is not judged by the window: a degree of noise would part equal cells.
    """
    if timeout_s <= 0:
        return "not_waited_for"
    if temperature_c is None or baseline_c is None:
        return "unknown"
    if temperature_c < baseline_c - TOLERANCE_C:
        return "colder"
    if temperature_c <= baseline_c + TOLERANCE_C:
        return "within"
    return "timed_out" if waited_s >= timeout_s else None


def wait_for_window(
    read_c: Callable[[], float | None],
    baseline_c: float | None,
    timeout_s: float,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Warmth:
    """Wait until the board has cooled down, or for `timeout_s`; either way the cell may begin, and this is recorded."""
    started_s = now()
    while True:
        temperature_c, waited_s = read_c(), now() - started_s
        verdict = decide(temperature_c, baseline_c, waited_s, timeout_s)
        if verdict is not None:
            return Warmth(verdict=verdict, temperature_c=temperature_c, baseline_c=baseline_c, waited_s=waited_s)
        sleep(min(POLL_S, max(0.0, timeout_s - waited_s)))
