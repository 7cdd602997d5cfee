"""Which of a trace's moments to believe, where they do not ascend."""

from __future__ import annotations

import bisect

import numpy as np
import numpy.typing as npt


def ascending(t_s: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """As many as ascend strictly, True; of equal choices the earlier samples.

    One moment far ahead (a damaged line, a clock that jumped and came back) costs that one, not all that follow.
    """
    if t_s.size < 2 or bool(np.all(np.diff(t_s) > 0)):
        return np.ones(t_s.size, dtype=bool)
    least: list[float] = []  # of the chains of each length that end the series: minus their first moment
    firsts: list[int] = []
    after = np.full(t_s.size, -1)
    for place in range(t_s.size - 1, -1, -1):
        length = bisect.bisect_left(least, -t_s[place])
        after[place] = firsts[length - 1] if length else -1
        least[length : length + 1] = [-t_s[place]]
        firsts[length : length + 1] = [place]
    kept = np.zeros(t_s.size, dtype=bool)
    place = firsts[-1]
    while place >= 0:
        kept[place] = True
        place = after[place]
    return kept
