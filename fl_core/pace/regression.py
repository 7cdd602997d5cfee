"""The freeze rule: the series of perturbations has become flat (ProFL's configuration; SmartFreeze's is not known).

A straight line is fitted to the last `points` values (least squares). The block is frozen when the line's slope stays
below `threshold` for `evaluations` rounds in a row. Published values: 20 rounds, 15 evaluations, threshold 0.2. A raw
slope per round is of order 0.01, so 0.2 can only be meant of a normalised one. OURS: relative to the steepest slope
seen in this stage; the bounds on the rounds of a stage.
"""

from typing import List, NamedTuple, Optional, Sequence

import numpy as np


class Rule(NamedTuple):
    points: int = 20
    evaluations: int = 15
    threshold: float = 0.2
    normalised: bool = True  # False: `threshold` is a raw slope per round
    least_rounds: int = 30
    most_rounds: int = 300


CONVERGED = "converged"
MAXIMUM_REACHED = "stage maximum reached"


def slopes(series: Sequence[float], points: int) -> List[float]:
    """Slope per round of the line through each full window of the series; empty while there is none."""
    x = np.arange(points) - (points - 1) / 2
    scale = float((x**2).sum())
    windows = range(points, len(series) + 1)
    return [float((x * np.asarray(series[end - points : end])).sum() / scale) for end in windows]


def flat_rounds(found: Sequence[float], rule: Rule) -> int:
    """How many of the last slopes in a row are below the threshold."""
    steepest = max((abs(slope) for slope in found), default=0.0)
    limit = rule.threshold * (steepest if rule.normalised else 1.0)
    count = 0
    for slope in reversed(found):
        if abs(slope) >= limit and steepest > 0:
            break
        count += 1
    return count


def reason_to_freeze(series: Sequence[float], rounds: int, rule: Rule) -> Optional[str]:
    """Why the stage ends after `rounds` rounds with this series of perturbations; None while it goes on."""
    if rounds >= rule.least_rounds and flat_rounds(slopes(series, rule.points), rule) >= rule.evaluations:
        return CONVERGED
    if rounds >= rule.most_rounds:
        return MAXIMUM_REACHED
    return None
