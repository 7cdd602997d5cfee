"""How sure a median is: percentile bootstrap over repeats (Efron 1979), with a fixed seed so that a report repeats.

Three repeats are the fewest that get an interval: of two, every resample lies between both, which says nothing. With
few repeats the interval is too narrow; reports show their number beside it.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FEWEST = 3
RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 20241021  # any; the same in every report


class Estimate(NamedTuple):
    """A median with its interval; the bounds are missing with fewer repeats than `FEWEST`."""

    value: float
    low: float | None = None
    high: float | None = None
    repeats: int = 1

    @property
    def spread(self) -> float | None:
        """Half the interval over the value; missing without an interval."""
        return None if self.low is None or self.high is None or not self.value else (
            (self.high - self.low) / 2 / abs(self.value))  # fmt: skip


def estimate(values: Sequence[float]) -> Estimate | None:
    """The median of repeats; None of none."""
    if not len(values):
        return None
    array = np.asarray(values, dtype=float)
    return _estimate(float(np.median(array)), np.median(array[_draws(len(array))], axis=1), len(array))


def ratio(ours: Sequence[float], base: Sequence[float]) -> Estimate | None:
    """Median of `ours` over median of `base`. Both sides are drawn apart: repeats are interleaved, not paired."""
    if not len(ours) or not len(base) or not statistics.median(base):
        return None
    above, below = np.asarray(ours, dtype=float), np.asarray(base, dtype=float)
    fewest = min(len(above), len(below))
    drawn_above = np.median(above[_draws(len(above))], axis=1)
    drawn_below = np.median(below[_draws(len(below), SEED + 1)], axis=1)
    return _estimate(float(np.median(above) / np.median(below)), drawn_above / drawn_below, fewest)


def _estimate(value: float, drawn: np.ndarray, repeats: int) -> Estimate:
    if repeats < FEWEST:
        return Estimate(value, repeats=repeats)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    return Estimate(value, float(low), float(high), repeats)


def _draws(count: int, seed: int = SEED) -> np.ndarray:
    """Indices of the resamples, shape (RESAMPLES, count)."""
    return np.random.default_rng(seed).integers(0, count, (RESAMPLES, count))
