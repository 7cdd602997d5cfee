"""Made-up histories with known truth, by which the detection's parameters are chosen and checked.

The noise is OURS: night-to-night standard deviations of 1 % for times and 0.5 % for memory (the median of three repeats
on boards whose control workload repeats within 2 %), with the heavy tails of Student's t with five degrees of freedom.
"""

from __future__ import annotations

import numpy as np

TIME_NOISE, MEMORY_NOISE = 0.01, 0.005
TAIL = 5


def history(random: np.random.Generator, nights: int, times: int, memories: int) -> np.ndarray:
    """Values of shape (nights, times + memories): every series steady around a level of its own."""
    noise = np.array([TIME_NOISE] * times + [MEMORY_NOISE] * memories)
    drawn = random.standard_t(TAIL, (nights, len(noise))) / np.sqrt(TAIL / (TAIL - 2))
    values: np.ndarray = random.uniform(1, 100, len(noise)) * np.exp(noise * drawn)
    return values


def with_shift(values: np.ndarray, series: int, night: int, share: float) -> np.ndarray:
    """The same with one series shifted from a night on."""
    out = values.copy()
    out[night:, series] *= 1 + share
    return out
