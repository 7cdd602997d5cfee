"""Greedy, cost-aware eviction: what can be decided without a table, as a reference and as FedHybrid's rule.

While the peak is above the budget, that unit's way of keeping is changed which saves most bytes per second lost:
Capuchin's "memory saving per second" (Peng et al., ASPLOS 2020), which reviews of FedHybrid name too. Bytes and seconds
are differences of the whole plan, so what a change does to its neighbours counts.
"""

from typing import Iterator, List, Optional, Sequence, Tuple

from fl_core.errors import BudgetTooSmall
from fl_core.memory.profile import Profile
from fl_core.memory.schedule import BACKWARD, CHECKPOINT, RECORD, Op, Plan, simulate

RECOMPUTE = "recompute"  # keep the unit's input alone; it is recorded in the first mode when its backward comes


class GreedyPlanner:
    """Plans for any budget, with the face of `Planner`. `ways[0]` is plain keeping; `RECOMPUTE` may be among them."""

    def __init__(self, profile: Profile, ways: Sequence[str]) -> None:
        self._plans = list(_evictions(profile, ways))

    def plan(self, budget_bytes: int) -> Plan:
        """The first that fits of those which evictions, each the best at its moment, arrive at."""
        for plan in self._plans:
            if plan.peak_bytes <= budget_bytes:
                return plan
        raise BudgetTooSmall(
            "greedy eviction ends at {:.1f} MiB, above {:.1f} MiB; the exact planner may go lower".format(
                self.smallest().peak_bytes / 2**20, budget_bytes / 2**20
            )
        )

    def smallest(self) -> Plan:
        return self._plans[-1]


def flat(ways: Sequence[str], first: str) -> Tuple[Op, ...]:
    """One pass forward and one back, each unit kept in its way."""
    ops: List[Op] = [Op(CHECKPOINT, i) if way == RECOMPUTE else Op(RECORD, i, way) for i, way in enumerate(ways)]
    for index in reversed(range(len(ways))):
        if ways[index] == RECOMPUTE:
            ops.append(Op(RECORD, index, first))
        ops.append(Op(BACKWARD, index))
    return tuple(ops)


def _evictions(profile: Profile, ways: Sequence[str]) -> Iterator[Plan]:
    """From plain keeping to where no change lowers the peak."""
    now = [ways[0]] * len(profile.units)
    plan = simulate(profile, flat(now, ways[0]))
    while True:
        yield plan
        change = _best_change(profile, ways, now, plan)
        if change is None:
            return
        now[change[0]], plan = change[1], change[2]


def _best_change(profile: Profile, ways: Sequence[str], now: List[str], plan: Plan) -> Optional[Tuple[int, str, Plan]]:
    """The change of one unit's way that lowers the peak most per second."""
    best: Optional[Tuple[int, str, Plan]] = None
    most = 0.0
    for index, way in enumerate(now):
        for other in ways:
            if other == way:
                continue
            changed = simulate(profile, flat([*now[:index], other, *now[index + 1 :]], ways[0]))
            saved_bytes = plan.peak_bytes - changed.peak_bytes
            rate = saved_bytes / max(changed.step_s - plan.step_s, 1e-9)
            if saved_bytes > 0 and rate > most:
                best, most = (index, other, changed), rate
    return best
