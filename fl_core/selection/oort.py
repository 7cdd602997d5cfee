"""Oort (Lai et al., OSDI 2021): statistical utility times a penalty for slowness, with exploration.

Constants as FedScale ships them: penalty exponent 2, exploration 0.9 falling by 0.98 a round to 0.2, clip bound 0.9,
cut-off 0.95 of the lowest chosen utility, bonus sqrt(0.1 ln round / last round).
"""

import math
from typing import List, Sequence

import numpy as np

from fl_core.selection.candidate import Candidate, drawn

PENALTY = 2.0
EXPLORE, EXPLORE_DECAY, EXPLORE_LEAST = 0.9, 0.98, 0.2
CLIP = 0.9
CUT_OFF = 0.95
BONUS = 0.1


def statistical_utility(candidate: Candidate) -> float:
    """|D_i| sqrt(mean squared loss): how much there is to learn from this client. It must have taken part."""
    assert candidate.mean_square_loss is not None
    return candidate.samples * math.sqrt(candidate.mean_square_loss)


def system_utility(candidate: Candidate, preferred_s: float) -> float:
    """1 for a client in time, (T / t_i)^penalty for a later one."""
    if candidate.duration_s is None or candidate.duration_s <= preferred_s:
        return 1.0
    return (preferred_s / candidate.duration_s) ** PENALTY


def preferred_duration_s(candidates: Sequence[Candidate]) -> float:
    """The median of the measured durations (OURS: the pacer of the paper moves it by accumulated utility)."""
    measured = [c.duration_s for c in candidates if c.duration_s is not None]
    return float(np.median(measured)) if measured else math.inf


def utilities(known: Sequence[Candidate], round_index: int) -> List[float]:
    """Clipped statistical utility plus the bonus for long absence, times the system utility."""
    statistical = [statistical_utility(c) for c in known]
    bound = float(np.quantile(statistical, CLIP)) if statistical else 0.0
    preferred = preferred_duration_s(known)
    return [
        (min(value, bound) + math.sqrt(BONUS * math.log(round_index) / max(1, c.last_round or 1)) * bound)
        * system_utility(c, preferred)
        for c, value in zip(known, statistical)
    ]


def oort(
    candidates: Sequence[Candidate],
    count: int,
    round_index: int,
    rng: np.random.RandomState,
) -> List[Candidate]:
    """`count` clients for round `round_index` (from 1): the best known ones by chance near the top, and new ones."""
    known = [c for c in candidates if c.mean_square_loss is not None]
    new = [c for c in candidates if c.mean_square_loss is None]
    share = max(EXPLORE_LEAST, EXPLORE * EXPLORE_DECAY ** (round_index - 1))
    exploring = min(len(new), max(round(share * count), count - len(known)))
    chosen = drawn(new, exploring, rng)
    exploit = min(len(known), count - len(chosen))
    if exploit:
        values = np.asarray(utilities(known, round_index))
        limit = CUT_OFF * np.sort(values)[-exploit]
        top = np.flatnonzero(values >= limit)
        weights = values[top] / values[top].sum() if values[top].sum() > 0 else None
        chosen += [known[i] for i in rng.choice(top, exploit, replace=False, p=weights)]
    order = {c.name: place for place, c in enumerate(candidates)}
    return sorted(chosen, key=lambda c: order[c.name])
