"""Energy of waveforms whose energy is known, sampled as a board would, and of traces with every fault."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from harness.energy import Energy, Idle, PowerTrace, energy_of, level_of, net_energy, power_trace
from harness.energy.order import ascending

Floats = npt.NDArray[np.float64]
Window = tuple[float, float]
ABOUT = {"rails": ["VDD_IN"], "scope": "module", "accuracy_share": 0.0}


class Square:
    """3 W and 5 W. `energy_j` is exact."""

    def __init__(self, period_s: float, duty: float, phase_s: float) -> None:
        self.period_s, self.duty, self.phase_s = period_s, duty, phase_s

    def power_w(self, t_s: Floats) -> Floats:
        return np.where(((t_s + self.phase_s) % self.period_s) < self.duty * self.period_s, 5.0, 3.0)

    def energy_j(self, start_s: float, end_s: float) -> float:
        return self._since(end_s + self.phase_s) - self._since(start_s + self.phase_s)

    def _since(self, t_s: float) -> float:
        whole, rest = divmod(t_s, self.period_s)
        return 3.0 * t_s + 2.0 * (whole * self.duty * self.period_s + min(rest, self.duty * self.period_s))


def instants(rng: np.random.Generator, rate_hz: float, end_s: float, jitter_s: float = 0.003) -> Floats:
    """A fixed rate with an agent's lateness."""
    ticks = np.arange(-3, int(end_s * rate_hz) + 4) / rate_hz
    return ticks + rng.uniform(0, 1 / rate_hz) + rng.uniform(0, jitter_s, ticks.size)


def square_errors(rate_hz: float, duration_s: float, duty: float = 0.3, jitter_s: float = 0.003) -> Floats:
    """Relative errors over 200 phases of a 1 s square wave; each must lie within its own uncertainty."""
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(200):
        wave = Square(1.0, duty, rng.uniform(0, 1))
        t_s = instants(rng, rate_hz, duration_s + 1, jitter_s)
        start_s = rng.uniform(0, 0.5)
        energy = energy_of(power_trace(t_s, wave.power_w(t_s), **ABOUT), start_s, start_s + duration_s)
        errors.append(joules(energy) / wave.energy_j(start_s, start_s + duration_s) - 1)
    return np.abs(errors)


def joules(energy: Energy) -> float:
    assert energy.gross_j is not None
    return energy.gross_j


def flat(t_s: Any, power_w: Any, **facts: Any) -> PowerTrace:
    return power_trace(t_s, power_w, **{**ABOUT, **facts})


@pytest.mark.parametrize(
    ("rate_hz", "duration_s", "share_within"),
    [(10.0, 10.0, 0.95), (10.618, 20.0, 1.0), (20.618, 10.0, 1.0), (20.618, 30.0, 1.0)],
)
def test_a_square_wave_within_half_a_percent(rate_hz: float, duration_s: float, share_within: float) -> None:
    """At 10.0 Hz 30 % duty is lucky: both edges err alike, but for the rare sample that meets an edge."""
    assert np.mean(square_errors(rate_hz, duration_s) <= 0.005) >= share_within


def test_a_rate_in_step_with_the_load_errs_for_ever_and_is_warned_of() -> None:
    assert np.sqrt(np.mean(square_errors(10.0, 60.0, duty=0.25) ** 2)) > 0.02
    assert np.max(square_errors(10.618, 60.0, duty=0.25)) < 0.005
    t_s = instants(np.random.default_rng(1), 10.0, 61.0)
    trace = flat(t_s, Square(1.0, 0.25, 0.1).power_w(t_s))
    (warning,) = energy_of(trace, 0.0, 60.0, step_rate_hz=1.0).warnings
    assert "in step with the load" in warning
    other_s = instants(np.random.default_rng(1), 10.618, 61.0)
    assert not energy_of(flat(other_s, Square(1.0, 0.25, 0.1).power_w(other_s)), 0.0, 60.0, step_rate_hz=1.0).warnings


def sine_j(start_s: float, end_s: float) -> float:
    turn = 2 * math.pi
    return 4.0 * (end_s - start_s) + (math.cos(turn * start_s) - math.cos(turn * end_s)) / turn


@pytest.mark.parametrize(
    ("wave", "energy_j"),
    [
        (lambda t: 4.0 + np.sin(2 * np.pi * t), sine_j),
        (lambda t: 2.0 + 0.3 * t, lambda s, e: 2.0 * (e - s) + 0.15 * (e * e - s * s)),
        (lambda t: np.full_like(t, 3.5), lambda s, e: 3.5 * (e - s)),
    ],
    ids=["sine", "ramp", "constant"],
)
def test_smooth_waveforms(wave: Callable[[Floats], Floats], energy_j: Callable[[float, float], float]) -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        t_s = instants(rng, 10.0, 12.0)
        start_s = rng.uniform(0, 1)
        energy = energy_of(flat(t_s, wave(t_s)), start_s, start_s + 10)
        assert joules(energy) == pytest.approx(energy_j(start_s, start_s + 10), rel=0.005)
        assert (energy.gaps, energy.covered_s, energy.warnings) == (0, pytest.approx(10.0), ())


def test_spikes_are_uncertain_and_right_on_average() -> None:
    """20 ms at 12 W every 0.73 s, over 3 W: most samples miss them."""
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(200):
        t_s = instants(rng, 10.0, 32.0)
        phase_s = rng.uniform(0, 0.73)
        energy = energy_of(flat(t_s, np.where((t_s + phase_s) % 0.73 < 0.02, 12.0, 3.0)), 1.0, 31.0)
        true_j = 90.0 + 9.0 * 0.02 * 30 / 0.73
        assert energy.uncertainty_j is not None and abs(joules(energy) - true_j) <= 2 * energy.uncertainty_j
        errors.append(joules(energy) / true_j - 1)
    assert abs(np.mean(errors)) <= 0.005


@pytest.mark.parametrize("step_rate_hz", [None, 1.0])
def test_one_hertz_of_a_one_second_square_wave_warns(step_rate_hz: float | None) -> None:
    rng = np.random.default_rng(2)
    t_s = np.arange(0, 61.0) + rng.uniform(0, 0.5, 61)
    energy = energy_of(flat(t_s, Square(1.0, 0.3, 0.0).power_w(t_s)), 0.0, 60.0, step_rate_hz)
    assert any("cannot carry the load" in warning for warning in energy.warnings)


def test_a_rate_that_carries_the_load_does_not_warn() -> None:
    t_s = instants(np.random.default_rng(2), 10.618, 61.0)
    for step_rate_hz in (None, 1.0):
        assert not energy_of(flat(t_s, Square(1.0, 0.3, 0.0).power_w(t_s)), 0.0, 60.0, step_rate_hz).warnings
    noise_w = 4.0 + np.random.default_rng(3).normal(0, 0.02, t_s.size)
    assert not energy_of(flat(t_s, noise_w), 0.0, 60.0).warnings, "a sensor's noise is no load"


def test_a_phase_is_clipped_by_interpolation() -> None:
    trace = flat([0.0, 1.0, 2.0, 3.0], [0.0, 10.0, 10.0, 0.0])
    assert joules(energy_of(trace, 0.5, 2.5)) == pytest.approx(3.75 + 10.0 + 3.75)
    assert joules(energy_of(trace, 1.2, 1.3)) == pytest.approx(1.0), "between two samples"
    parts = [joules(energy_of(trace, a, b)) for a, b in ((0.0, 0.7), (0.7, 2.9), (2.9, 3.0))]
    assert math.fsum(parts) == pytest.approx(20.0), "phases add up to the whole"


def test_gaps_are_split_counted_and_never_bridged() -> None:
    t_s = np.array([*np.arange(0, 3.01, 0.1), *np.arange(7, 10.01, 0.1)])
    energy = energy_of(flat(t_s, np.full(t_s.size, 4.0)), 0.0, 10.0)
    assert (energy.gaps, energy.gap_s) == (1, pytest.approx(3.8)), "each side stands for one more interval"
    assert joules(energy) == pytest.approx(4.0 * 6.2) and energy.mean_power_w == pytest.approx(4.0)
    assert energy.gap_j == pytest.approx(4.0 * 3.8)
    assert energy.warnings == ("3.8 s are not covered by samples",)
    inside = energy_of(flat(t_s, np.full(t_s.size, 4.0)), 4.0, 6.0)
    assert (inside.gross_j, inside.uncertainty_j, inside.mean_power_w, inside.gaps) == (None, None, None, 1)


def test_a_window_that_the_trace_does_not_reach_is_not_filled_in() -> None:
    t_s = np.arange(0, 5.01, 0.1)
    energy = energy_of(flat(t_s, np.full(t_s.size, 2.0)), 4.0, 9.0)
    assert (energy.gaps, energy.gap_s, joules(energy)) == (1, pytest.approx(3.9), pytest.approx(2.2))
    assert energy_of(flat([], []), 0.0, 1.0).gross_j is None
    assert energy_of(flat([0.5], [2.0]), 0.0, 1.0).gross_j is None


def test_missing_numbers_and_a_clock_that_steps_back_are_counted() -> None:
    trace = flat([0.0, 0.1, 0.2, 0.15, 0.3, float("nan"), 0.4], [1.0, None, 1.0, 9.0, 1.0, 1.0, 1.0], period_s=0.1)
    assert (trace.missing, trace.disordered, trace.t_s.tolist()) == (2, 1, [0.0, 0.2, 0.3, 0.4])
    energy = energy_of(trace, 0.0, 0.4)
    assert joules(energy) == pytest.approx(0.4)
    assert len(energy.warnings) == 2
    with pytest.raises(ValueError, match="2 times for 1 powers"):
        flat([0.0, 1.0], [1.0])


def test_the_accuracy_of_the_sensor_rails_and_scope_stand_beside_the_figure() -> None:
    t_s = np.arange(0, 10.01, 0.1)
    cpu = energy_of(flat(t_s, np.full(t_s.size, 4.0), rails=["CPU"], accuracy_share=0.05), 0.0, 10.0)
    gpu = energy_of(flat(t_s, np.full(t_s.size, -0.4), rails=["GPU"], accuracy_share=0.05), 0.0, 10.0)
    assert cpu.sensor_j == cpu.uncertainty_j == pytest.approx(2.0)
    assert joules(gpu) == pytest.approx(-4.0), "a negative reading is kept"


def idle_trace(before_w: float, after_w: float, seconds: float = 60.0) -> PowerTrace:
    t_s = np.arange(0, 3 * seconds + 0.01, 0.1)
    return flat(t_s, np.where(t_s <= seconds, before_w, np.where(t_s < 2 * seconds, 5.0, after_w)))


def idle_of(trace: PowerTrace, before: Window | None, after: Window | None) -> Idle:
    return Idle(before=before and level_of(trace, before), after=after and level_of(trace, after))


def test_net_of_idle_measured_on_both_sides() -> None:
    trace = idle_trace(2.0, 2.06)
    net = net_energy(energy_of(trace, 70.0, 110.0), idle_of(trace, (0.0, 60.0), (120.0, 180.0)))
    assert net.net_j == pytest.approx(200.0 - 40 * 2.03) and net.gross.gross_j == pytest.approx(200.0)
    step_w = 0.06  # the least by which this sensor's readings differ
    assert net.uncertainty_j == pytest.approx(40 * math.sqrt(0.06**2 + 2 * step_w**2)) and net.warnings == ()


def test_net_energy_is_as_uncertain_as_a_short_rest() -> None:
    """8 s of rest by a plug of 1 Hz and 1 W of noise: the truth is within what is stated in most of 300 runs."""
    rng = np.random.default_rng(3)
    t_s = np.arange(0.0, 130.0)
    outside = 0
    for _ in range(300):
        trace = flat(t_s, np.where((t_s >= 15) & (t_s <= 115), 10.0, 5.0) + rng.normal(0, 1.0, t_s.size))
        net = net_energy(energy_of(trace, 20.0, 100.0), idle_of(trace, (4.0, 12.0), (118.0, 126.0)))
        assert net.net_j is not None and net.uncertainty_j is not None
        outside += abs(net.net_j - 400.0) > net.uncertainty_j
    assert outside <= 15


def test_a_sensor_that_always_says_the_same_is_not_exact() -> None:
    t_s = np.arange(0.0, 130.0)
    trace = flat(t_s, np.where((t_s >= 15) & (t_s <= 115), np.round(10 + 0.6 * np.sin(t_s)), 5.0))
    level = level_of(trace, (4.0, 12.0))
    assert level is not None and (level.power_w, level.uncertainty_w) == (5.0, 1.0)


def test_too_few_samples_of_rest_are_no_rest() -> None:
    t_s = np.arange(0.0, 130.0)
    trace = flat(t_s, np.where((t_s >= 15) & (t_s <= 115), 10.0, 5.0))
    gross = energy_of(trace, 20.0, 100.0)
    one_side = net_energy(gross, idle_of(trace, (4.0, 12.0), (118.0, 120.5)))
    assert one_side.net_j == pytest.approx(400.0) and one_side.uncertainty_j is None
    assert any("after the run has 3 samples, 5 are needed" in warning for warning in one_side.warnings)
    assert net_energy(gross, idle_of(trace, (4.0, 6.5), (118.0, 120.5))).net_j is None


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((0.0, 60.0), None, "not measured after"),
        (None, (120.0, 180.0), "not measured before"),
        ((0.0, 20.0), (120.0, 180.0), "before the run is from 20 s only"),
        ((0.0, 60.0), (120.0, 180.0), "moved from 2 W to 2.5 W"),
    ],
)
def test_doubtful_idle_is_marked(before: Window | None, after: Window | None, words: str) -> None:
    trace = idle_trace(2.0, 2.5)
    idle = idle_of(trace, before, after)
    assert any(words in warning for warning in idle.warnings)
    net = net_energy(energy_of(trace, 70.0, 110.0), idle)
    assert net.net_j is not None and (net.uncertainty_j is None) == (before is None or after is None)


def test_negative_and_missing_idle() -> None:
    trace = idle_trace(-0.4, -0.4)
    idle = idle_of(trace, (0.0, 60.0), (120.0, 180.0))
    assert idle.power_w == pytest.approx(-0.4)
    assert net_energy(energy_of(trace, 70.0, 110.0), idle).net_j == pytest.approx(216.0)
    nothing = idle_of(trace, None, (500.0, 600.0))
    assert nothing.power_w is None and net_energy(energy_of(trace, 70.0, 110.0), nothing).net_j is None


def test_a_moment_far_ahead_costs_one_sample_and_not_all_that_follow() -> None:
    t_s = np.arange(0, 10.01, 0.1)
    t_s[50] += 1e6
    trace = flat(t_s, np.full(t_s.size, 2.0), period_s=0.1)
    assert (trace.disordered, trace.t_s.size) == (1, 100)
    assert joules(energy_of(trace, 0.0, 10.0)) == pytest.approx(20.0)
    assert any("1 samples of the trace do not ascend" in warning for warning in energy_of(trace, 0.0, 10.0).warnings)


def test_a_clock_that_went_back_keeps_its_longer_side() -> None:
    t_s = np.concatenate([np.arange(100.0, 103.0, 0.1), np.arange(0.0, 6.0, 0.1)])
    assert ascending(t_s).tolist() == [False] * 30 + [True] * 60
