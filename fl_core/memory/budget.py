"""Where a step's memory budget comes from: a share of plain training, a script, what the machine has left or will have.

A limit is asked before every step.
"""

from typing import Callable, Iterator, NamedTuple, Optional, Sequence

from fl_core.memory.headroom import headroom_bytes
from fl_core.memory.predict import HeadroomPredictor
from fl_core.memory.profile import Profile
from fl_core.memory.schedule import keep_all, simulate


class Limit(NamedTuple):
    of: Callable[[Profile], Optional[int]]  # bytes of live tensors; None: as little as possible
    binding: bool = True  # else what no plan can keep is answered by the smallest one


RESERVE = (
    0.1  # OURS: share of the headroom that is left alone: kernels' workspace, and what a neighbour takes meanwhile
)


def smallest() -> Limit:
    return Limit(lambda profile: None)


def share_of_plain(share: float) -> Limit:
    """`share` of the tensor peak that plain training has."""
    return Limit(lambda profile: int(share * simulate(profile, keep_all(len(profile.units))).peak_bytes))


def script(budgets_bytes: Sequence[int]) -> Limit:
    """One budget per step; the last one stays."""
    left: Iterator[int] = iter(budgets_bytes)
    now = [budgets_bytes[0]]

    def following(profile: Profile) -> int:
        now[0] = next(left, now[0])
        return now[0]

    return Limit(following)


def available(root: str = "/") -> Limit:
    """What is there before the step, and most of what the machine and the worker's cgroup have left. Between steps only
    the profile's static bytes are live. Where nothing can be read, or too little is left: as little as possible."""

    return _from_headroom(root, lambda headroom: headroom)


def predicted(root: str = "/") -> Limit:
    """The same with what the predictor counts on (`fl_core.memory.predict`)."""
    return _from_headroom(root, HeadroomPredictor().after)


def capped(given_bytes: int, cap: Limit) -> Limit:
    """`given_bytes`, unless `cap` knows that there is less: who gave them may be wrong about this machine."""

    def least(profile: Profile) -> int:
        found = cap.of(profile)
        return given_bytes if found is None else min(given_bytes, found)

    return Limit(least, binding=False)


def _from_headroom(root: str, believed: Callable[[int], int]) -> Limit:
    def left(profile: Profile) -> Optional[int]:
        headroom = headroom_bytes(root)
        return None if headroom is None else profile.static_bytes + int(believed(headroom) * (1 - RESERVE))

    return Limit(left, binding=False)
