"""A selection rule by name, for methods that leave it to the study."""

from typing import List, Sequence

import numpy as np

from fl_core.errors import BadJob
from fl_core.selection.candidate import Candidate, drawn
from fl_core.selection.communities import fair
from fl_core.selection.oort import oort
from fl_core.selection.tiers import tiered
from fl_core.selection.ucb import ucb

RULES = ("random", "oort", "ucb", "tiers", "communities")
TIERS = 5  # of TiFL's experiments


def check_rule(rule: str) -> None:
    """Raises `BadJob` for an unknown one."""
    if rule not in RULES:
        raise BadJob("unknown selection {!r}; known: {}".format(rule, ", ".join(RULES)))


def choose(
    rule: str,
    able: Sequence[Candidate],
    count: int,
    round_index: int,
    rng: np.random.RandomState,
    full_bytes: int,
    groups: Sequence[Sequence[str]] = (),
) -> List[Candidate]:
    """At most `count` of the eligible, in their order. `full_bytes`: tensor peak of training everything."""
    count = min(count, len(able))
    if rule == "oort":
        return oort(able, count, round_index, rng)
    if rule == "ucb":
        return ucb(able, count, round_index, full_bytes, rng)
    if rule == "tiers":
        return tiered(able, count, TIERS, rng)
    if rule == "communities":
        return fair(groups, able, count, round_index, rng)
    return drawn(able, count, rng)
