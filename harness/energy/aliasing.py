"""Whether the samples can carry what the load does: FL steps repeat, and so aliasing is the normal case.

Three tests, each a sentence where it fails:
1. fewer than ten samples for a step: 1 Hz on a 1 s square wave was 18 % wrong, 10 Hz 0.2 %;
2. samples in step with the load: they fall on the same places of every step, and errors add up instead of averaging
   out (10 Hz on a 1 s square wave of 25 % duty: 2.9 % wrong however long it runs; 10.618 Hz: 0.3 % after 10 s);
3. where nobody knows the step rate: neighbouring samples have no more in common than any two (von Neumann's ratio).
The third sees no load that the samples hit at one place only; nothing in the samples can.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
SAMPLES_PER_STEP = 10.0
ENOUGH_SHARE = 0.99  # of that: a rate is what came, not what was asked for
JITTER_SHARE = 0.2  # of a period: samples that scatter so much are in step with nothing
UNRELATED_RATIO = 0.75  # 1 for unrelated samples, 0.5 for a square wave at ten samples a period, 0.2 for a sine
UNSTEADY_SHARE = 0.05  # below this spread of the power, aliasing does not matter
FEWEST_SAMPLES = 16  # for the third test


def aliasing(t_s: Floats, power_w: Floats, step_rate_hz: float | None) -> list[str]:
    """Warnings for the samples of one window."""
    if t_s.size < 2:
        return ["fewer than two samples in the window"]
    intervals = np.diff(t_s)
    period_s = float(np.median(intervals))
    if step_rate_hz is None:
        return ["neighbouring samples are unrelated: the rate cannot carry the load"] if _unrelated(power_w) else []
    per_step = 1.0 / (period_s * step_rate_hz)
    if per_step < ENOUGH_SHARE * SAMPLES_PER_STEP:
        return [f"{per_step:.1f} samples for a step, {SAMPLES_PER_STEP:.0f} are needed: the rate cannot carry the load"]
    slip = abs(per_step - round(per_step)) * float(t_s[-1] - t_s[0]) * step_rate_hz  # samples, over the window
    steady = float(np.std(intervals)) < JITTER_SHARE * period_s
    if steady and slip < 1.0 and _spread(power_w) > UNSTEADY_SHARE:
        return [f"samples are in step with the load, {per_step:.2f} for each: sample at a rate that is no multiple"]
    return []


def _unrelated(power_w: Floats) -> bool:
    if power_w.size < FEWEST_SAMPLES or _spread(power_w) <= UNSTEADY_SHARE:
        return False
    return float(np.mean(np.diff(power_w) ** 2) / (2.0 * np.var(power_w))) > UNRELATED_RATIO


def _spread(power_w: Floats) -> float:
    """Standard deviation as a share of the mean."""
    deviation, mean = float(np.std(power_w)), abs(float(np.mean(power_w)))
    return deviation / mean if mean else (1.0 if deviation else 0.0)
