"""The analysis recovers a slow-down that was put in, and refuses what cannot be told."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

from harness.board.board import pausing
from harness.overhead import Overhead, alternate, analyse, spans_awake


def trace(slow_down: float, pairs: int = 12, drift: float = 0.0, seed: int = 1) -> Overhead:
    """20 ms steps with 5 % noise; the agent awake and asleep for 2 s in turn, sampling at 10 Hz."""
    rng = random.Random(seed)
    steps, now = [], 0.0
    end = (2 * pairs + 1) * 2.0
    while now < end:
        awake = int(now / 2.0) % 2 == 0
        took = 0.020 * (1 + drift * now / end) * (1 + (slow_down if awake else 0.0)) * rng.gauss(1, 0.05)
        steps.append((now, took))
        now += took
    times_s = [i / 10 for i in range(int(end * 10)) if int(i / 20) % 2 == 0]
    return analyse(steps, [(t_s, number * 0.4e-3) for number, t_s in enumerate(times_s)])


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


@pytest.mark.parametrize(("step_s", "cost_s", "rate_hz"), [(0.010, 0.001, 10.0), (0.010, 0.0005, 50.0)])
def test_a_cost_that_falls_on_few_steps_is_seen(step_s: float, cost_s: float, rate_hz: float) -> None:
    """A tick delays the step it meets and no other."""
    rng = random.Random(1)
    steps, samples, now, tick = [], [], 0.0, 0
    while now < 15 * 6.0 + 3.0:
        took = step_s * rng.gauss(1, 0.002)
        while tick / rate_hz < now + took:
            if int(tick / rate_hz / 3.0) % 2 == 0:
                samples.append((tick / rate_hz, len(samples) * cost_s))
                took += cost_s
            tick += 1
        steps.append((now, took))
        now += took
    true = 1 / (1 - cost_s * rate_hz) - 1
    found = analyse(steps, samples)
    assert found.slow_down == pytest.approx(true, rel=0.05)  # a tick more or less at the edges
    assert found.agent_core_share == pytest.approx(cost_s * rate_hz, rel=0.05)


@pytest.mark.parametrize("sign", [1, -1], ids=["a process", "a group"])
def test_a_paused_process_goes_on_though_nobody_continues_it(sign: int) -> None:
    child = subprocess.Popen(["sleep", "30"], start_new_session=True)

    def state() -> str:
        return Path(f"/proc/{child.pid}/stat").read_text().split()[2]

    try:
        began_s = time.monotonic()
        subprocess.run(["/bin/sh", "-c", pausing([sign * child.pid], 0.4)], check=True, capture_output=True)
        assert time.monotonic() - began_s < 0.3 and state() == "T"
        deadline_s = began_s + 5.0
        while state() == "T":
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
        assert time.monotonic() - began_s >= 0.4
    finally:
        child.kill()
        child.wait()


def test_sampling_and_silence_take_turns() -> None:
    paused: list[float] = []
    alternate(paused.append, pairs=3, half_s=0.01)
    assert paused == [0.01] * 3
