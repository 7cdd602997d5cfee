"""Greedy, cost-aware eviction: what can be decided without a table, as a reference and where time for one is missing.

While the peak is above the budget, that unit's way of keeping is changed which saves most bytes per second lost:
Capuchin's "memory saving per second" (Peng et al., ASPLOS 2020), which reviews of FedHybrid name too. Bytes and seconds
are differences of the whole plan, so what a change does to its neighbours counts.
"""

from typing import List, Optional, Sequence, Tuple

from fl_core.errors import BudgetTooSmall
from fl_core.memory.profile import Profile
from fl_core.memory.schedule import BACKWARD, CHECKPOINT, RECORD, Op, Plan, simulate

RECOMPUTE = "recompute"  # keep the unit's input alone; it is recorded in the first mode when its backward comes


def flat(ways: Sequence[str], first: str) -> Tuple[Op, ...]:
    """One pass forward and one back, each unit kept in its way."""
    ops: List[Op] = [Op(CHECKPOINT, i) if way == RECOMPUTE else Op(RECORD, i, way) for i, way in enumerate(ways)]
    for index in reversed(range(len(ways))):
        if ways[index] == RECOMPUTE:
            ops.append(Op(RECORD, index, first))
        ops.append(Op(BACKWARD, index))
    return tuple(ops)


def greedy(profile: Profile, modes: Sequence[str], budget_bytes: int) -> Plan:
    """The plan that evictions, each the best at its moment, arrive at. `modes[0]` is plain keeping."""
    ways = [modes[0]] * len(profile.units)
    plan = simulate(profile, flat(ways, modes[0]))
    while plan.peak_bytes > budget_bytes:
        change = _best_change(profile, modes, ways, plan)
        if change is None:
            raise BudgetTooSmall(
                "greedy eviction ends at {:.1f} MiB, above {:.1f} MiB; the exact planner may go lower".format(
                    plan.peak_bytes / 2**20, budget_bytes / 2**20
                )
            )
        ways[change[0]], plan = change[1], change[2]
    return plan


def _best_change(profile: Profile, modes: Sequence[str], ways: List[str], now: Plan) -> Optional[Tuple[int, str, Plan]]:
    """The change of one unit's way that lowers the peak most per second."""
    best: Optional[Tuple[int, str, Plan]] = None
    most = 0.0
    for index, way in enumerate(ways):
        for other in [*modes, RECOMPUTE]:
            if other == way:
                continue
            plan = simulate(profile, flat([*ways[:index], other, *ways[index + 1 :]], modes[0]))
            saved_bytes = now.peak_bytes - plan.peak_bytes
            rate = saved_bytes / max(plan.step_s - now.step_s, 1e-9)
            if saved_bytes > 0 and rate > most:
                best, most = (index, other, plan), rate
    return best
