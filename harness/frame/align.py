"""Times of a board on the controller's clock, many at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.clock import ClockMap


def on_controller(clock: ClockMap | None, board_s: Sequence[float]) -> list[float | None]:
    """None throughout where the board's clock was never read."""
    if clock is None:
        return [None] * len(board_s)
    if clock.jumps or len(clock.readings) < 2 or not board_s:
        return [clock.to_controller(each).controller_s for each in board_s]
    first, last = clock.readings[0], clock.readings[-1]
    rate = (last.controller_s - first.controller_s) / (last.board_s - first.board_s)
    times = first.controller_s + (np.asarray(board_s, dtype=np.float64) - first.board_s) * rate
    found: list[float | None] = times.round(6).tolist()
    return found
