"""FedHybrid's selector (SenSys 2024; arXiv 2510.11400, as reviews describe it): utility with an upper confidence bound.

Util = Stat * MemStat * CompStat: mean squared loss; memory budget over what unconstrained training needs, at most 1;
speed. The bandit's bonus is c sqrt(ln round / times chosen); c = 0.3 and the scaling of Util to [0, 1] are OURS, and so
is the measured round instead of operator times for the speed.
"""

import math
from typing import List, Sequence

import numpy as np

from fl_core.selection.candidate import Candidate, drawn

EXPLORATION = 0.3


def utility(candidate: Candidate, full_bytes: int) -> float:
    """Of a client that has taken part; `full_bytes`: tensor peak of training the whole model."""
    assert candidate.mean_square_loss is not None and candidate.duration_s is not None
    speed = 1 / candidate.duration_s if candidate.duration_s else 1.0  # a simulation without speeds takes no time
    memory = 1.0 if candidate.memory_bytes is None else min(1.0, candidate.memory_bytes / full_bytes)
    return candidate.mean_square_loss * memory * speed


def ucb(
    candidates: Sequence[Candidate],
    count: int,
    round_index: int,
    full_bytes: int,
    rng: np.random.RandomState,
    exploration: float = EXPLORATION,
) -> List[Candidate]:
    """`count` clients: those never tried first (by chance), then the largest utility plus bonus."""
    new = [c for c in candidates if c.mean_square_loss is None or c.duration_s is None]
    if len(new) >= count:
        return drawn(new, count, rng)
    known = [c for c in candidates if c not in new]
    values = np.asarray([utility(c, full_bytes) for c in known])
    if len(values) and values.max() > 0:
        values = values / values.max()
    scores = [
        value + exploration * math.sqrt(math.log(max(round_index, 1)) / max(1, c.times_chosen))
        for value, c in zip(values, known)
    ]
    best = np.argsort(-np.asarray(scores), kind="stable")[: count - len(new)]
    chosen = {c.name for c in new} | {known[i].name for i in best}
    return [c for c in candidates if c.name in chosen]
