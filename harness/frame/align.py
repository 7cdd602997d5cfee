"""Times of a board on the controller's clock, many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.clock import ClockMap


def on_controller(clock: ClockMap | None, board_s: Sequence[float]) -> list[float | None]:
    """None throughout where the board's clock was never read."""
    if clock is None:
        return [None] * len(board_s)
    if clock.jumps:
        return [clock.to_controller(each).controller_s for each in board_s]
    known_s = np.maximum.accumulate([reading.board_s for reading in clock.readings])
    moments_s = [clock.to_controller(each).controller_s for each in known_s]
    times = np.asarray(board_s, dtype=np.float64)
    before_s, after_s = np.minimum(times - known_s[0], 0.0), np.maximum(times - known_s[-1], 0.0)
    moments = np.interp(times, known_s, moments_s) + before_s + after_s
    found: list[float | None] = moments.round(6).tolist()
    return found
