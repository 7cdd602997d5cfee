"""When a block has converged: the published metric on series whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fl_core.errors import BadJob
from fl_core.pace.perturbation import perturbation, snapshot
from fl_core.pace.regression import CONVERGED, MAXIMUM_REACHED, Rule, reason_to_freeze, slopes
from fl_core.pace.shares import shares


def walk(steps: list[list[float]]) -> list[np.ndarray]:
    return list(np.cumsum(np.array([[0.0, 0.0], *steps]), axis=0).astype(np.float32))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([[1, 1], [1, 1], [1, 1]], 1.0),  # all one way
        ([[1, -1], [-1, 1]], 0.0),  # there and back
        ([[1, 0], [0, 1], [-1, 0]], 1 / 3),
        ([[0, 0], [0, 0]], 0.0),  # nothing moves
    ],
)
def test_perturbation_of_known_walks(steps: list[list[float]], expected: float) -> None:
    assert perturbation(walk(steps)) == pytest.approx(expected)


def test_a_large_block_is_followed_by_the_same_sample_of_its_parameters() -> None:
    state = {
        "blocks.block1.weight": torch.arange(20_000.0),
        "blocks.block1.running_mean": torch.full((5,), -1.0),
        "blocks.block10.weight": torch.full((5,), -1.0),
    }
    first, again, other = (snapshot(state, "block1", seed) for seed in (1, 1, 2))
    assert len(first) == 10_000 and (first >= 0).all()
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert len(snapshot(state, "block1", 1, scalars=30_000)) == 20_000


def test_slopes_are_those_of_the_least_squares_lines() -> None:
    series = [1.0, 0.7, 0.9, 0.2, 0.25]
    expected = [np.polyfit(range(3), series[i : i + 3], 1)[0] for i in range(3)]
    assert slopes(series, 3) == pytest.approx(expected)
    assert slopes(series[:2], 3) == []


FALLING = [float(np.exp(-r / 10)) for r in range(120)]
SMALL = Rule(points=5, evaluations=4, threshold=0.2, least_rounds=10, most_rounds=100)


def first_freeze(series: list[float], rule: Rule) -> tuple[int, str]:
    for rounds in range(1, len(series) + 1):
        reason = reason_to_freeze(series[:rounds], rounds, rule)
        if reason:
            return rounds, reason
    raise AssertionError("never")


def test_a_series_that_flattens_freezes_when_its_slope_has_fallen_to_the_threshold() -> None:
    """exp(-r/10) has a fifth of its first slope after 10 ln 5 = 16 rounds; four evaluations and half a window later."""
    rounds, reason = first_freeze(FALLING, SMALL)
    assert reason == CONVERGED and rounds == 5 + 17 + 3
    assert first_freeze(FALLING, SMALL._replace(threshold=0.05))[0] > rounds


def test_a_raw_threshold_in_the_published_unit_fires_at_once_which_is_why_slopes_are_normalised() -> None:
    assert first_freeze(FALLING, SMALL._replace(normalised=False)) == (SMALL.least_rounds, CONVERGED)


def test_a_threshold_that_never_fires_ends_at_the_stages_maximum() -> None:
    line = [1 - r / 200 for r in range(120)]
    assert first_freeze(line, SMALL) == (100, MAXIMUM_REACHED)
    assert first_freeze(FALLING, SMALL._replace(threshold=0.0)) == (100, MAXIMUM_REACHED)
    assert first_freeze([0.0] * 120, SMALL) == (SMALL.least_rounds, CONVERGED)  # nothing moves at all: flat


def test_shares_sum_to_the_rounds_and_leave_no_stage_out() -> None:
    assert (
        shares(10, [1, 1, 1, 1]) == [2, 3, 3, 2] and sum(shares(980, [147_968, 525_568, 2_099_712, 8_393_728])) == 980
    )
    assert shares(980, [147_968, 525_568, 2_099_712, 8_393_728]) == [13, 46, 184, 737]
    assert min(shares(5, [1, 1000, 1, 1])) == 1
    with pytest.raises(BadJob, match="4 stages need at least as many rounds, not 3"):
        shares(3, [1, 1, 1, 1])
