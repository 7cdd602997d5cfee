"""Net energy: gross less what the board draws at rest, measured before and after with the same settings and sampler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.energy.power import PowerTrace
from harness.energy.result import Energy

LONG_ENOUGH_S = 60.0
STEADY_SHARE = 0.05
Window = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Idle:
    """Power at rest. Negative values of a sensor's zero error are kept. None: not measured."""

    before_w: float | None  # mean
    after_w: float | None
    p10_w: float | None  # over both, for sensitivity
    median_w: float | None
    warnings: tuple[str, ...]

    @property
    def power_w(self) -> float | None:
        known = [each for each in (self.before_w, self.after_w) if each is not None]
        return math.fsum(known) / len(known) if known else None

    @property
    def uncertainty_w(self) -> float | None:
        """|before - after|; None where one side is missing, for then nobody knows."""
        if self.before_w is None or self.after_w is None:
            return None
        return abs(self.before_w - self.after_w)


@dataclass(frozen=True, kw_only=True)
class NetEnergy:
    """An energy above rest, beside its gross figure."""

    gross: Energy
    idle: Idle
    net_j: float | None
    uncertainty_j: float | None  # None where rest was measured on one side only
    warnings: tuple[str, ...]


def idle_level(trace: PowerTrace, before: Window | None, after: Window | None) -> Idle:
    """Rest within two windows (start_s, end_s) of a trace; None for a window that was not taken."""
    sides = [_within(trace, window) for window in (before, after)]
    means = [float(np.mean(watts)) if watts.size else None for watts in sides]
    both = np.concatenate(sides)
    return Idle(
        before_w=means[0],
        after_w=means[1],
        p10_w=float(np.percentile(both, 10)) if both.size else None,
        median_w=float(np.median(both)) if both.size else None,
        warnings=tuple(_warnings(means, (before, after))),
    )


def net_energy(gross: Energy, idle: Idle) -> NetEnergy:
    """Gross less idle over what is covered; the accuracy of the sensor is that of the gross figure."""
    power_w, spread_w = idle.power_w, idle.uncertainty_w
    net_j = None if gross.gross_j is None or power_w is None else gross.gross_j - power_w * gross.covered_s
    uncertainty_j = None
    if net_j is not None and spread_w is not None:
        uncertainty_j = math.hypot(gross.sensor_j, gross.sampling_j, spread_w * gross.covered_s) + gross.gap_j
    return NetEnergy(
        gross=gross, idle=idle, net_j=net_j, uncertainty_j=uncertainty_j, warnings=gross.warnings + idle.warnings
    )


def _within(trace: PowerTrace, window: Window | None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if window is None:
        return np.zeros(0)
    inside = (trace.t_s >= window[0]) & (trace.t_s <= window[1])
    return trace.power_w[inside]


def _warnings(means: Sequence[float | None], windows: Sequence[Window | None]) -> list[str]:
    found = []
    for name, mean, window in zip(("before", "after"), means, windows, strict=True):
        if mean is None:
            found.append(f"idle power was not measured {name} the run")
        elif window is not None and window[1] - window[0] < LONG_ENOUGH_S:
            found.append(f"idle power {name} the run is from {window[1] - window[0]:.0f} s only")
    before, after = means
    if before is not None and after is not None and abs(before - after) > STEADY_SHARE * abs(before + after) / 2:
        found.append(f"idle power moved from {before:.3g} W to {after:.3g} W")
    return found
