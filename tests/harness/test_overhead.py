"""The analysis recovers a slow-down that was put in, and refuses what cannot be told."""

from __future__ import annotations

import random

import pytest

from harness.overhead import Overhead, alternate, analyse, spans_awake


def trace(slow_down: float, pairs: int = 12, drift: float = 0.0, seed: int = 1) -> Overhead:
    """20 ms steps with 5 % noise; the agent awake and asleep for 2 s in turn, sampling at 10 Hz."""
    rng = random.Random(seed)
    steps, samples, now = [], [], 0.0
    end = (2 * pairs + 1) * 2.0
    while now < end:
        awake = int(now / 2.0) % 2 == 0
        took = 0.020 * (1 + drift * now / end) * (1 + (slow_down if awake else 0.0)) * rng.gauss(1, 0.05)
        steps.append((now, took))
        now += took
    samples = [i / 10 for i in range(int(end * 10)) if int(i / 20) % 2 == 0]
    return analyse(steps, samples)


@pytest.mark.parametrize("slow_down", [0.0, 0.01, 0.1])
def test_an_injected_slow_down_is_recovered(slow_down: float) -> None:
    found = [trace(slow_down, seed=seed) for seed in range(40)]
    covered = sum(one.low <= slow_down <= one.high for one in found)
    assert covered >= 34  # of 40: the interval says 95 %
    assert all(one.high - one.low < 0.04 and one.pairs == 12 for one in found)


def test_a_machine_that_slows_down_does_not_pass_for_overhead() -> None:
    found = trace(0.0, pairs=30, drift=0.3)
    assert abs(found.slow_down) < 0.01


def test_stretches_end_at_a_long_silence() -> None:
    assert spans_awake([0.0, 0.1, 0.2, 3.0, 3.1]) == [(0.0, 0.2), (3.0, 3.1)]


def test_too_few_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        trace(0.0, pairs=2)


def test_the_agent_is_left_running_whatever_happens() -> None:
    sent: list[str] = []

    def signal(name: str) -> None:
        sent.append(name)
        if len(sent) == 2:
            raise RuntimeError("the line is cut")

    with pytest.raises(RuntimeError):
        alternate(signal, pairs=3, half_s=0.0)
    assert sent == ["STOP", "CONT", "CONT"]
