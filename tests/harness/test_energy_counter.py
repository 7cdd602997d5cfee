"""Counters of joules: wraps are undone, resets are gaps, and neither is taken for the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.energy import Energy, counter_energy

ABOUT = {"rails": ["package-0"], "scope": "package", "accuracy_share": 0.0}


def energy(t_s: Any, counter_j: Any, start_s: float, end_s: float, **facts: Any) -> Energy:
    return counter_energy(t_s, counter_j, start_s, end_s, **{**ABOUT, **facts})


def test_clipped_within_intervals() -> None:
    found = energy([0.0, 1.0, 2.0, 3.0], [10.0, 14.0, 20.0, 24.0], 0.5, 2.5)
    assert (found.gross_j, found.gaps, found.covered_s) == (pytest.approx(10.0), 0, pytest.approx(2.0))
    assert found.sampling_j == pytest.approx(2 * np.sqrt((4**2 + 4**2) / 12)), "only the cut intervals are in doubt"
    assert energy([0.0, 1.0, 2.0], [10.0, 14.0, 20.0], 0.0, 2.0).sampling_j == 0.0


@pytest.mark.parametrize("wraps", [1, 3])
def test_wraps_are_undone(wraps: int) -> None:
    t_s = np.arange(0, 100.0)
    range_j = 40.0 * 100 / (wraps + 0.5)
    found = energy(t_s, (1000.0 + 40.0 * t_s) % range_j, 0.0, 99.0, wrap_j=range_j)
    assert (found.gross_j, found.gaps, found.warnings) == (pytest.approx(40.0 * 99), 0, ())


def test_a_reset_is_a_gap_and_no_wrap() -> None:
    t_s = np.arange(0, 10.0)
    counter_j = np.where(t_s < 5, 100.0 + 4 * t_s, 4 * (t_s - 5))
    for facts in ({}, {"wrap_j": 262143.3}, {"wrap_j": 262143.3, "max_power_w": 50.0}):
        found = energy(t_s, counter_j, 0.0, 9.0, **facts)
        assert (found.gross_j, found.gaps, found.gap_s) == (pytest.approx(32.0), 1, pytest.approx(1.0))
        assert found.warnings == ("the counter was reset or misread 1 time", "1 s are not covered by the counter")


def test_a_long_interval_is_no_gap_but_may_hide_a_wrap() -> None:
    found = energy([0.0, 1.0, 50.0, 51.0], [0.0, 10.0, 500.0, 510.0], 0.0, 51.0)
    assert (found.gross_j, found.gaps, found.warnings) == (pytest.approx(510.0), 0, ())
    doubtful = energy([0.0, 1.0, 50.0, 51.0], [0.0, 10.0, 500.0, 510.0], 0.0, 51.0, wrap_j=600.0)
    assert any("more than once" in warning for warning in doubtful.warnings)


def test_what_the_counter_does_not_reach_is_missing() -> None:
    found = energy([0.0, 1.0, 2.0], [0.0, 4.0, 8.0], 1.0, 5.0, accuracy_share=0.1)
    assert (found.gross_j, found.gap_s, found.gaps) == (pytest.approx(4.0), pytest.approx(3.0), 1)
    assert found.sensor_j == pytest.approx(0.4) and found.gap_j == pytest.approx(12.0)
    for t_s, counter_j in (([], []), ([0.0], [1.0]), ([0.0, float("nan")], [1.0, None])):
        assert energy(t_s, counter_j, 0.0, 1.0).gross_j is None


def test_a_stale_or_disordered_counter() -> None:
    found = energy([0.0, 1.0, 1.0, 0.5, 2.0], [0.0, 4.0, 5.0, 1.0, 8.0], 0.0, 2.0)
    assert (found.gross_j, found.gaps) == (pytest.approx(8.0), 0)


def plug(seconds: int, step_j: float, watts: float) -> tuple[Any, Any]:
    """Asked every second; it counts on whenever a whole step has been used."""
    t_s = np.arange(float(seconds))
    return t_s, step_j * np.floor(watts * t_s / step_j)


@pytest.mark.parametrize("start_s", [30.0, 40.0, 61.5])
def test_a_counter_in_steps_tells_from_change_to_change(start_s: float) -> None:
    """100 W by steps of 1 Wh, one in 36 s: 10 s hold at most one, and 1000 J."""
    found = energy(*plug(200, 3600.0, 100.0), start_s, start_s + 10.0)
    assert found.gross_j == pytest.approx(1000.0) and found.gaps == 0
    assert found.uncertainty_j is not None and found.uncertainty_j >= 3600.0
    assert any("20 are needed" in warning for warning in found.warnings)


def test_many_steps_are_enough_and_uncertain_by_one() -> None:
    found = energy(*plug(400, 60.0, 20.0), 30.5, 330.5)
    assert found.gross_j == pytest.approx(6000.0, abs=60.0) and found.warnings == ()
    assert 60.0 <= found.sampling_j <= 120.0


def test_a_counter_that_never_moved_tells_nothing() -> None:
    for counter_j in ([5.0] * 4, [5.0, 5.0, 5.0, 9.0]):
        found = energy([0.0, 0.1, 0.2, 0.3], counter_j, 0.05, 0.15)
        assert any("times only" in warning or "1 time only" in warning for warning in found.warnings)
        assert (found.gross_j is None) == (counter_j[-1] == 5.0)
    assert found.gross_j == pytest.approx(4.0 / 3.0) and (found.uncertainty_j or 0.0) >= 4.0


def test_a_count_that_no_board_could_have_drawn_is_a_gap() -> None:
    t_s = np.arange(0, 10.0)
    counter_j = 4.0 * t_s
    counter_j[5] = 4.2e9
    found = energy(t_s, counter_j, 0.0, 9.0, max_power_w=50.0)
    assert (found.gross_j, found.gap_s) == (pytest.approx(28.0), pytest.approx(2.0))
    assert "the counter was reset or misread 2 times" in found.warnings
