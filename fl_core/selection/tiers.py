"""TiFL-like tiers (Chai et al., HPDC 2020): clients of similar speed train together, so that nobody waits long.

Clients are sorted by the duration of their last round into tiers of equal size; a round takes one tier, then clients
inside it by chance. OURS: tiers are visited with equal probability (the paper adapts it to test accuracy per tier);
clients not yet timed form a tier of their own.
"""

from typing import List, Sequence

import numpy as np

from fl_core.selection.candidate import Candidate, drawn


def tiers(candidates: Sequence[Candidate], number: int) -> List[List[Candidate]]:
    """At most `number` tiers, fast to slow, none empty; then those without a measured duration."""
    timed = sorted((c for c in candidates if c.duration_s is not None), key=lambda c: (c.duration_s, c.name))
    pieces = [[timed[i] for i in index] for index in np.array_split(np.arange(len(timed)), number)]
    untimed = [c for c in candidates if c.duration_s is None]
    return [piece for piece in [*pieces, untimed] if piece]


def tiered(candidates: Sequence[Candidate], count: int, number: int, rng: np.random.RandomState) -> List[Candidate]:
    """`count` clients of one tier; the whole tier where it is smaller."""
    made = tiers(candidates, number)
    return drawn(made[rng.randint(len(made))], count, rng)
