"""Change detection over many series at once, with few false alarms. Pure arithmetic, no I/O.

Per series, each of the last two nights is set against the nights before them on a logarithmic scale (so that a shift is
a ratio): its distance from the baseline's median in prediction standard deviations, outliers left out of the spread.
Both nights must lie on the same side; each score counts up to `CAP` only, so that one bad night, however bad, is never
enough. Their sum, over the root of two, is a normal score whose p-value goes with those of all series of the night
through Benjamini and Hochberg's step-up rule (J. R. Stat. Soc. B 57, 1995): the more series there are, the more each
must show. A shift below `RELEVANT` is not told however sure. After an alarm the series' baseline begins anew. The
parameters are OURS, chosen by simulation; `make figures AREA=reports` checks them on other draws.
"""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from scipy import stats

FEWEST = 21  # nights of a baseline
WINDOW = 60  # nights that it looks back
FALSE_DISCOVERIES = 0.00016  # nominal; nights have heavier tails than the normal, so many more are real
CAP = 3.5  # of a night's score: one night alone, however bad, is never enough
RELEVANT = 0.01  # a shift smaller than this is not told
OUTLIER_SCORE = 5.0  # in robust standard deviations; left out of a baseline's spread
SMALLEST_SPREAD = 0.001  # of exactly repeating series, such as tensor bytes
MEDIAN_VARIANCE = math.pi / 2  # of a median over n normal values, times n
CONSISTENT_MAD = 1.4826


class Alarm(NamedTuple):
    """Series number `series` has shifted by the share `shift`; seen at night number `night`."""

    night: int
    series: int
    shift: float  # 0.05: five per cent more
    p: float


def scan(values: np.ndarray) -> list[Alarm]:
    """All alarms of a history of shape (nights, series); NaN where a night has no value.

    A value that is not above 0 has no logarithm and counts as missing.
    """
    logs = np.log(np.where(values > 0, values, np.nan))
    begun = np.zeros(logs.shape[1], dtype=int)  # of each series' present baseline
    alarms: list[Alarm] = []
    for night in range(FEWEST + 1, len(logs)):
        tonight = _of_one_night(logs, night, begun)
        alarms += tonight
        for alarm in tonight:
            begun[alarm.series] = night - 1
    return alarms


def _of_one_night(logs: np.ndarray, night: int, begun: np.ndarray) -> list[Alarm]:
    first = max(0, night - 1 - WINDOW)
    baseline = logs[first : night - 1].copy()
    baseline[np.arange(first, night - 1)[:, None] < begun] = np.nan
    middle, spread, count = _centre(baseline)
    with np.errstate(invalid="ignore"):
        scores = (logs[night - 1 : night + 1] - middle) / (spread * np.sqrt(1 + MEDIAN_VARIANCE / np.maximum(count, 1)))
        shift = logs[night - 1 : night + 1].mean(axis=0) - middle
    both = np.minimum(np.abs(scores), CAP).sum(axis=0) / math.sqrt(2)
    tested = (count >= FEWEST) & np.isfinite(both)
    told = (np.sign(scores[0]) == np.sign(scores[1])) & (np.abs(np.expm1(shift)) >= RELEVANT)
    p = np.where(tested, np.where(told, 2 * stats.norm.sf(both), 1.0), np.nan)
    return [Alarm(night, int(at), float(np.expm1(shift[at])), float(p[at])) for at in discoveries(p)]


def discoveries(p: np.ndarray) -> np.ndarray:
    """Indices of the p-values that Benjamini and Hochberg's rule rejects at `FALSE_DISCOVERIES`; NaN is no test."""
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    limits = FALSE_DISCOVERIES * np.arange(1, len(order) + 1) / max(1, len(order))
    passed = np.flatnonzero(p[order] <= limits)
    return np.sort(order[: passed[-1] + 1]) if len(passed) else order[:0]


def _centre(baseline: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, standard deviation without outliers, and number of nights of each series."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a series may have no night at all yet
        middle = np.nanmedian(baseline, axis=0)
        away = np.abs(baseline - middle)
        robust = np.maximum(CONSISTENT_MAD * np.nanmedian(away, axis=0), SMALLEST_SPREAD)
        kept = np.where(away <= OUTLIER_SCORE * robust, baseline, np.nan)
        spread = np.maximum(np.nanstd(kept, axis=0, ddof=1), SMALLEST_SPREAD)
    return middle, spread, np.isfinite(kept).sum(axis=0)
