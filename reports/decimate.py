"""Fewer points that look the same: of each stretch its lowest and its highest, so that no peak is lost."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

STRETCHES = 400  # about a phone's width in pixels; twice as many points


def extremes(values: np.ndarray, stretches: int = STRETCHES) -> np.ndarray:
    """Indices of the points to keep, in order: of each of `stretches` equal parts the minimum and the maximum.

    The first and the last point stay. `values` has shape (n,) and no NaN; all of few points are kept.
    """
    count = len(values)
    if count <= 2 * stretches:
        return np.arange(count)
    edges = np.linspace(0, count, stretches + 1).astype(int)
    parts = [(start, values[start:end]) for start, end in pairwise(edges)]
    kept = [start + place for start, part in parts for place in (int(part.argmin()), int(part.argmax()))]
    return np.unique([0, *kept, count - 1])
