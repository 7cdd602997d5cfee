"""What the observer costs: training with the agent sampling and with the agent stopped, interleaved on one board.

One steady training process runs through; the agent beside it is paused every few seconds, so both sides see the same
process, the same memory and the same neighbours. The agent's own samples tell when it was awake. A stretch counts by
its throughput, for a tick falls on few steps: their median would not see it. Sidecars are paused with it; what a
vendor's service does (jtop's) runs through both sides. Pure analysis first, then the driver.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.stats import t as student

EDGE_S = 0.2  # steps this close to a switch belong to neither side
FEWEST_STEPS = 3  # of a stretch that counts
ASLEEP_S = 0.8  # a longer silence than this means that the agent was stopped

Step = Sequence[float]  # start, duration, seconds on the board's monotonic clock
Sample = tuple[float, float]  # when on that clock, and what CPU the agent had taken by then, seconds
Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """Slow-down of training by sampling, as a share of the step time (0.01 = 1 %)."""

    slow_down: float  # mean over pairs
    low: float  # 95 % interval of the mean
    high: float
    pairs: int
    step_s: float  # without sampling
    agent_core_share: float  # CPU seconds a second that the agent takes itself while it samples

    @property
    def sentence(self) -> str:
        return (
            f"{self.slow_down * 100:+.2f} % (95 % interval {self.low * 100:+.2f} to {self.high * 100:+.2f} %,"
            f" {self.pairs} interleaved pairs, step {self.step_s * 1000:.1f} ms); the agent itself takes"
            f" {self.agent_core_share * 100:.2f} % of a core"
        )


def spans_awake(sample_times_s: Sequence[float]) -> list[Span]:
    """Stretches in which the agent sampled without a long silence."""
    spans: list[Span] = []
    start = sample_times_s[0]
    for before, after in pairwise(sample_times_s):
        if after - before > ASLEEP_S:
            spans.append((start, before))
            start = after
    return [*spans, (start, sample_times_s[-1])]


def analyse(steps: Sequence[Step], samples: Sequence[Sample]) -> Overhead:
    """Pair each stretch awake with the silence after it. Raises `ValueError` with fewer than three pairs."""
    awake = spans_awake([t_s for t_s, _ in samples])
    ratios, quiet_steps = [], []
    for (start, end), (next_start, _) in pairwise(awake):
        on, off = _step_s(steps, start, end), _step_s(steps, end, next_start)
        if on is not None and off is not None:
            ratios.append(math.log(on / off))
            quiet_steps.append(off)
    if len(ratios) < 3:
        raise ValueError(f"{len(ratios)} pairs of stretches with and without sampling; at least 3 are needed")
    mean = statistics.fmean(ratios)
    margin = student.ppf(0.975, len(ratios) - 1) * statistics.stdev(ratios) / math.sqrt(len(ratios))
    slow_down, low, high = (math.expm1(value) for value in (mean, mean - margin, mean + margin))
    awake_s = sum(end - start for start, end in awake)
    return Overhead(
        slow_down=slow_down,
        low=low,
        high=high,
        pairs=len(ratios),
        step_s=statistics.median(quiet_steps),
        agent_core_share=(samples[-1][1] - samples[0][1]) / awake_s,
    )


def _step_s(steps: Sequence[Step], start_s: float, end_s: float) -> float | None:
    """Time per step from the first whole step of a stretch to its last, what lies between them included."""
    inside = [(began, took) for began, took in steps if began >= start_s + EDGE_S and began + took <= end_s - EDGE_S]
    if len(inside) < FEWEST_STEPS:
        return None
    return (inside[-1][0] + inside[-1][1] - inside[0][0]) / len(inside)


def alternate(pause: Callable[[float], None], pairs: int, half_s: float) -> None:
    """Let the agent sample and rest in turn. `pause` stops it for so many seconds, and returns at once."""
    for _ in range(pairs):
        time.sleep(half_s)
        pause(half_s)
        time.sleep(half_s)
    time.sleep(half_s)
