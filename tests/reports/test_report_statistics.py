"""Intervals: they repeat, they cover, and too few repeats give none."""

from __future__ import annotations

import numpy as np
import pytest

from reports.statistics import FEWEST, estimate, ratio


def test_too_few_repeats_have_a_median_and_no_interval() -> None:
    assert estimate([]) is None and ratio([1.0], []) is None and ratio([1.0], [0.0]) is None
    for values in ([2.0], [2.0, 4.0]):
        found = estimate(values)
        assert found is not None and found.low is None and found.spread is None and found.repeats == len(values)


def test_the_same_repeats_give_the_same_interval() -> None:
    assert estimate([3.0, 1.0, 2.0]) == estimate([3.0, 1.0, 2.0])
    found = estimate([5.0] * FEWEST)
    assert found is not None and (found.low, found.value, found.high, found.spread) == (5.0, 5.0, 5.0, 0.0)


@pytest.mark.parametrize("repeats", [10, 30])
def test_the_interval_of_a_ratio_covers_the_true_one_about_as_often_as_it_says(repeats: int) -> None:
    random = np.random.default_rng(repeats)
    covered = 0
    for _ in range(200):
        found = ratio(random.lognormal(0.0, 0.05, repeats) * 0.6, random.lognormal(0.0, 0.05, repeats))
        assert found is not None and found.low is not None and found.high is not None
        covered += found.low <= 0.6 <= found.high
    assert 0.88 <= covered / 200 <= 0.995
