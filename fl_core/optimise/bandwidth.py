"""Cut and bandwidth together: the least time of a round over one shared link.

Alternating, as in "Accelerating split federated learning over wireless communication networks" (arXiv 2310.15584): the
best cuts for given bandwidths by enumeration, the best bandwidths for given cuts by bisection, in turn until nothing
changes. Both steps are exact, their fixed point need not be the optimum. `optimal` is (OURS): for a given round time,
each board needs least bandwidth at one of its cuts, so the least time whose needs add up to the link is found directly.
"""

from typing import List, Sequence, Tuple

from fl_core.optimise.profile import Allocation, Board, CutProfile, evenly, round_s

MOST_TURNS = 50
TOLERANCE = 1e-12  # relative, of a bisection


def best_cuts(boards: Sequence[Board], rates: Sequence[float]) -> Tuple[CutProfile, ...]:
    """Exact, board by board."""
    return tuple(min(board.cuts, key=lambda cut: round_s(cut, rate)) for board, rate in zip(boards, rates))


def best_rates(cuts: Sequence[CutProfile], link_bytes_per_s: float) -> Tuple[float, ...]:
    """Exact up to bisection: all boards end together, or as soon as their computing lets them."""
    time_s = _least_time([(cut,) for cut in cuts], link_bytes_per_s)
    return _shared_out([_need(cut, time_s) for cut in cuts], link_bytes_per_s)


def alternating(boards: Sequence[Board], link_bytes_per_s: float) -> Allocation:
    """From equal shares of the link."""
    rates = evenly(boards, link_bytes_per_s)
    cuts = best_cuts(boards, rates)
    for _ in range(MOST_TURNS):
        rates = best_rates(cuts, link_bytes_per_s)
        chosen = best_cuts(boards, rates)
        if chosen == cuts:
            break
        cuts = chosen
    return Allocation(cuts, best_rates(cuts, link_bytes_per_s))


def optimal(boards: Sequence[Board], link_bytes_per_s: float) -> Allocation:
    """The best over all cuts and bandwidths."""
    time_s = _least_time([board.cuts for board in boards], link_bytes_per_s)
    cuts = tuple(min(board.cuts, key=lambda cut: _need(cut, time_s)) for board in boards)
    return Allocation(cuts, best_rates(cuts, link_bytes_per_s))


def _need(cut: CutProfile, time_s: float) -> float:
    """Bandwidth with which a round at this cut takes `time_s`; infinite where computing alone takes longer."""
    if not cut.wire_bytes:
        return 0.0 if cut.compute_s <= time_s else float("inf")
    return cut.wire_bytes / (time_s - cut.compute_s) if time_s > cut.compute_s else float("inf")


def _least_time(choices: Sequence[Sequence[CutProfile]], link_bytes_per_s: float) -> float:
    """By bisection: the needs fall as the time grows."""

    def fits(time_s: float) -> bool:
        return sum(min(_need(cut, time_s) for cut in cuts) for cuts in choices) <= link_bytes_per_s

    low = max(min(cut.compute_s for cut in cuts) for cuts in choices)
    if fits(low):
        return low
    high = low + sum(min(cut.compute_s + cut.wire_bytes / link_bytes_per_s for cut in cuts) for cuts in choices)
    while not fits(high):
        high *= 2
    while high - low > TOLERANCE * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _shared_out(needs: List[float], link_bytes_per_s: float) -> Tuple[float, ...]:
    """What is left over goes to all in proportion; a board without traffic needs nothing."""
    total = sum(needs)
    return tuple(need * link_bytes_per_s / total if total else link_bytes_per_s / len(needs) for need in needs)
