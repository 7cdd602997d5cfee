"""What the optimisers know of a board: seconds and bytes of a round at each way to cut the model."""

from typing import NamedTuple, Sequence, Tuple


class CutProfile(NamedTuple):
    """One cut on one board, a whole round's worth."""

    cut: str
    compute_s: float  # on the device, and on the edge server for it
    wire_bytes: float  # smashed data and gradients, and the device's part both ways


class Board(NamedTuple):
    name: str
    cuts: Tuple[CutProfile, ...]


def round_s(profile: CutProfile, bytes_per_s: float) -> float:
    """A round at this cut, given this much of the link."""
    return profile.compute_s + (profile.wire_bytes / bytes_per_s if profile.wire_bytes else 0.0)


class Allocation(NamedTuple):
    """A decision for all boards, in their order."""

    cuts: Tuple[CutProfile, ...]
    bytes_per_s: Tuple[float, ...]

    @property
    def round_s(self) -> float:
        """The slowest board's."""
        return max(round_s(profile, rate) for profile, rate in zip(self.cuts, self.bytes_per_s))


def evenly(boards: Sequence[Board], link_bytes_per_s: float) -> Tuple[float, ...]:
    return (link_bytes_per_s / len(boards),) * len(boards)
