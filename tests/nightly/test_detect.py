"""Change detection on histories with a known truth."""

from __future__ import annotations

import numpy as np
import pytest

from harness.nightly.detect import FEWEST, discoveries, scan
from harness.nightly.simulate import history, with_shift

TIMES, MEMORIES, NIGHTS = 12, 8, 30


def made(seed: int, nights: int = NIGHTS + 2) -> np.ndarray:
    return history(np.random.default_rng(seed), nights, TIMES, MEMORIES)


def test_quiet_nights_raise_next_to_no_alarm() -> None:
    alarms = sum(len(scan(made(seed, 100))) for seed in range(5))
    assert alarms <= 5  # one in 100 nights


@pytest.mark.parametrize(("series", "share"), [(0, 0.05), (0, -0.05), (TIMES, 0.03)], ids=["slower", "faster", "more"])
def test_a_shift_is_caught_within_two_nights(series: int, share: float) -> None:
    caught = 0
    for seed in range(60):
        alarms = scan(with_shift(made(seed), series, NIGHTS, share))
        caught += any(alarm.series == series and alarm.night >= NIGHTS for alarm in alarms)
    assert caught >= 0.83 * 60  # 60 draws of a chance of 0.9 and more


def test_one_bad_night_is_no_change() -> None:
    values = made(1)
    values[NIGHTS, 3] *= 2
    assert not [alarm for alarm in scan(values) if alarm.series == 3]


def test_a_change_is_told_once_and_the_new_level_becomes_normal() -> None:
    values = with_shift(made(2, NIGHTS + 40), 5, NIGHTS, 0.2)
    (alarm,) = [alarm for alarm in scan(values) if alarm.series == 5]
    assert alarm.night == NIGHTS + 1 and alarm.shift == pytest.approx(0.2, abs=0.03)


def test_exactly_repeating_series_need_a_relevant_change() -> None:
    values = np.full((NIGHTS, 2), 1000.0)
    values[-2:] = [1005.0, 1020.0]
    assert [alarm.series for alarm in scan(values)] == [1]


def test_missing_nights_and_short_histories_are_no_alarm() -> None:
    values = with_shift(made(3), 0, NIGHTS, 0.5)
    values[NIGHTS, 0] = np.nan
    assert not scan(values[:, :1]) and not scan(with_shift(made(3), 0, FEWEST, 0.5)[: FEWEST + 1])


def test_more_series_ask_for_more() -> None:
    p = np.array([0.0001, np.nan, *[1.0] * 8])
    assert discoveries(p[:2]).tolist() == [0] and discoveries(p).tolist() == []
