"""Where a step's memory budget comes from: a share of plain training, a script, or what the machine has left.

A `Limit` is asked before every step. It answers in bytes of live tensors, or None for as little as possible.
"""

from typing import Callable, Iterator, Optional, Sequence

from fl_core.memory.headroom import headroom_bytes
from fl_core.memory.profile import Profile
from fl_core.memory.schedule import keep_all, simulate

Limit = Callable[[Profile], Optional[int]]

RESERVE = (
    0.1  # OURS: share of the headroom that is left alone: kernels' workspace, and what a neighbour takes meanwhile
)


def smallest() -> Limit:
    return lambda profile: None


def share_of_plain(share: float) -> Limit:
    """`share` of the tensor peak that plain training has."""
    return lambda profile: int(share * simulate(profile, keep_all(len(profile.units))).peak_bytes)


def script(budgets_bytes: Sequence[int]) -> Limit:
    """One budget per step; the last one stays."""
    left: Iterator[int] = iter(budgets_bytes)
    now = [budgets_bytes[0]]

    def limit(profile: Profile) -> int:
        now[0] = next(left, now[0])
        return now[0]

    return limit


def available() -> Limit:
    """What is there before the step, and most of what the machine and the worker's cgroup have left. Between steps only
    the profile's static bytes are live. Where nothing can be read: as little as possible."""

    def limit(profile: Profile) -> Optional[int]:
        headroom = headroom_bytes()
        return None if headroom is None else profile.static_bytes + int(headroom * (1 - RESERVE))

    return limit
