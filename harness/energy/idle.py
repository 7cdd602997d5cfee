"""Net energy: gross less what the board draws at rest, measured before and after with the same settings and sampler."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from harness.energy.power import PowerTrace
from harness.energy.result import Energy

LONG_ENOUGH_S = 60.0
STEADY_SHARE = 0.05
FEWEST_SAMPLES = 5  # OURS: fewer on a side tell no level
Window = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Level:
    """Mean power of one stretch at rest. Negative values of a sensor's zero error are kept."""

    power_w: float
    uncertainty_w: float  # half width of about 95 %, of the mean
    samples: int
    duration_s: float


@dataclass(frozen=True, kw_only=True)
class Idle:
    """Power at rest. None: not measured."""

    before: Level | None
    after: Level | None

    @property
    def power_w(self) -> float | None:
        known = [side.power_w for side in (self.before, self.after) if _told(side)]
        return math.fsum(known) / len(known) if known else None

    @property
    def uncertainty_w(self) -> float | None:
        """Of both means, and how far they are apart; None where one side is missing, for then nobody knows."""
        if not (_told(self.before) and _told(self.after)):
            return None
        apart_w = abs(self.before.power_w - self.after.power_w)
        return math.hypot(apart_w, self.before.uncertainty_w, self.after.uncertainty_w)

    @property
    def warnings(self) -> tuple[str, ...]:
        sides = (("before", self.before), ("after", self.after))
        found = [warning for name, side in sides if (warning := _doubt(name, side))]
        if _told(self.before) and _told(self.after):
            before_w, after_w = self.before.power_w, self.after.power_w
            if abs(before_w - after_w) > STEADY_SHARE * abs(before_w + after_w) / 2:
                found.append(f"idle power moved from {before_w:.3g} W to {after_w:.3g} W")
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class NetEnergy:
    """An energy above rest, beside its gross figure."""

    gross: Energy
    idle: Idle
    net_j: float | None
    uncertainty_j: float | None  # None where rest was measured on one side only
    warnings: tuple[str, ...]


def level_of(trace: PowerTrace, window: Window) -> Level | None:
    """Rest within a window (start_s, end_s) of a trace: the standard error of the mean, twice, but at least the step in
    which the sensor counts, for a sensor that always says the same is not exact."""
    watts = trace.power_w[(trace.t_s >= window[0]) & (trace.t_s <= window[1])]
    if not watts.size:
        return None
    error_w = 2.0 * float(np.std(watts, ddof=1)) / math.sqrt(watts.size) if watts.size > 1 else math.inf
    steps_w = np.diff(np.unique(trace.power_w))
    return Level(
        power_w=float(np.mean(watts)),
        uncertainty_w=max(error_w, float(steps_w.min()) if steps_w.size else 0.0),
        samples=int(watts.size),
        duration_s=window[1] - window[0],
    )


def counted_level(rest: Energy) -> Level | None:
    """Rest as a counter tells it, by its energy over the stretch."""
    if rest.mean_power_w is None:
        return None
    return Level(
        power_w=rest.mean_power_w,
        uncertainty_w=rest.sampling_j / rest.covered_s,
        samples=rest.samples,
        duration_s=rest.duration_s,
    )


def net_energy(gross: Energy, idle: Idle) -> NetEnergy:
    """Gross less idle over what is covered; the accuracy of the sensor is that of the gross figure."""
    power_w, doubt_w = idle.power_w, idle.uncertainty_w
    net_j = None if gross.gross_j is None or power_w is None else gross.gross_j - power_w * gross.covered_s
    uncertainty_j = None
    if net_j is not None and doubt_w is not None:
        uncertainty_j = math.hypot(gross.sensor_j, gross.sampling_j, doubt_w * gross.covered_s) + gross.gap_j
    return NetEnergy(
        gross=gross, idle=idle, net_j=net_j, uncertainty_j=uncertainty_j, warnings=gross.warnings + idle.warnings
    )


def _told(side: Level | None) -> TypeGuard[Level]:
    return side is not None and side.samples >= FEWEST_SAMPLES


def _doubt(name: str, side: Level | None) -> str:
    if side is None:
        return f"idle power was not measured {name} the run"
    if side.samples < FEWEST_SAMPLES:
        return f"idle power {name} the run has {side.samples} samples, {FEWEST_SAMPLES} are needed"
    if side.duration_s < LONG_ENOUGH_S:
        return f"idle power {name} the run is from {side.duration_s:.0f} s only"
    return ""
