"""What the server knows of a client when it chooses, and who can take part at all."""

import math
from typing import List, NamedTuple, Optional, Sequence

import numpy as np

from fl_core.errors import BadJob

MIB = 2**20


class Candidate(NamedTuple):
    """One client. What has not been measured or reported is None, never 0."""

    name: str
    samples: int
    memory_bytes: Optional[int] = None  # its budget for training; None: not limited
    mean_square_loss: Optional[float] = None  # over its samples, when it last took part
    duration_s: Optional[float] = None  # of its last round
    last_round: Optional[int] = None
    times_chosen: int = 0


def eligible(candidates: Sequence[Candidate], needed_bytes: int) -> List[Candidate]:
    """Those whose budget holds what the stage needs."""
    return [c for c in candidates if c.memory_bytes is None or c.memory_bytes >= needed_bytes]


def refuse_empty(able: Sequence[Candidate], candidates: Sequence[Candidate], needed_bytes: int, what: str) -> None:
    """Raises `BadJob` naming the smallest budget that would do, where nobody is able."""
    if not able:
        largest = max((c.memory_bytes or 0 for c in candidates), default=0)
        raise BadJob(
            "{} needs {:.1f} MiB and the largest budget is {:.1f} MiB: "
            "give a board that much, or take smaller batches".format(
                what, math.ceil(10 * needed_bytes / MIB) / 10, math.floor(10 * largest / MIB) / 10
            )
        )


def drawn(candidates: Sequence[Candidate], count: int, rng: np.random.RandomState) -> List[Candidate]:
    """Uniformly without replacement, in the candidates' order; all of them where there are not more than `count`."""
    if count >= len(candidates):
        return list(candidates)
    return [candidates[i] for i in np.sort(rng.choice(len(candidates), count, replace=False))]
