"""Plans against every other plan: the optimum on small chains, the budget on all, the references never better."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fl_core.errors import BudgetTooSmall
from fl_core.memory.greedy import RECOMPUTE, GreedyPlanner
from fl_core.memory.plan import Planner
from fl_core.memory.profile import Profile
from fl_core.memory.schedule import BACKWARD, CHECKPOINT, PASS, RECORD, Op, Plan, keep_all, simulate
from fl_core.memory.uniform import uniform

MakeProfile = Callable[..., Profile]
MODES = ("keep", "rebuild")
SHARES = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 0.95)


def every(s: int, t: int) -> Iterator[list[Op]]:
    """All plans of the units s..t that keep what they store until its backward."""
    for mode in MODES:
        if s == t:
            yield [Op(RECORD, s, mode), Op(BACKWARD, s)]
        else:
            yield from ([Op(RECORD, s, mode), *rest, Op(BACKWARD, s)] for rest in every(s + 1, t))
    for cut in range(s + 1, t + 1):
        head = [Op(CHECKPOINT, s), *(Op(PASS, index) for index in range(s + 1, cut))]
        yield from ([*head, *behind, *before] for behind in every(cut, t) for before in every(s, cut - 1))


def budgets(planner: Planner, profile: Profile) -> list[int]:
    least, most = planner.smallest().peak_bytes, simulate(profile, keep_all(len(profile.units))).peak_bytes
    return [least + int(share * (most - least)) for share in SHARES]


@pytest.mark.parametrize("released", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_no_plan_of_a_small_chain_is_faster(seed: int, released: bool, make_profile: MakeProfile) -> None:
    profile = make_profile(seed, 5)
    if released:
        profile = profile.released()
    planner = Planner(profile, MODES)
    plans = [simulate(profile, ops) for ops in every(0, 4)]
    assert planner.smallest().peak_bytes == min(plan.peak_bytes for plan in plans)
    for budget in [planner.smallest().peak_bytes, *budgets(planner, profile)]:
        best = min(plan.step_s for plan in plans if plan.peak_bytes <= budget)
        plan = planner.plan(budget)
        assert plan.peak_bytes <= budget
        assert plan.step_s == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_uneven_sizes_keep_the_budget_and_come_close(seed: int, make_profile: MakeProfile) -> None:
    """Sizes that are no multiple of anything: rounding may cost time, never the budget."""
    profile = make_profile(seed, 5, grain_bytes=65537)
    planner = Planner(profile, MODES)
    plans = [simulate(profile, ops) for ops in every(0, 4)]
    for budget in budgets(planner, profile)[1:]:
        plan = planner.plan(budget)
        assert plan.peak_bytes <= budget
        assert plan.step_s <= 1.05 * min(other.step_s for other in plans if other.peak_bytes <= budget)


def test_a_long_chain_keeps_every_budget_and_more_memory_is_never_slower(make_profile: MakeProfile) -> None:
    profile = make_profile(7, 60)
    planner = Planner(profile, MODES)
    plans = [planner.plan(budget) for budget in budgets(planner, profile)[1:]]
    assert all(p.peak_bytes <= b for p, b in zip(plans, budgets(planner, profile)[1:], strict=True))
    times = [plan.step_s for plan in plans]
    assert times == sorted(times, reverse=True) and times[0] > times[-1]


@pytest.mark.parametrize("seed", range(4))
def test_the_references_are_never_faster_at_their_own_peak(seed: int, make_profile: MakeProfile) -> None:
    profile = make_profile(seed, 24).released()
    planner = Planner(profile, MODES)
    references: list[Plan] = [simulate(profile, uniform(24, segments)) for segments in range(2, 12)]
    evictions = GreedyPlanner(profile, (*MODES, RECOMPUTE))
    references += [evictions.plan(budget) for budget in budgets(planner, profile)[5:]]
    slack = 24 * planner.slot_bytes
    for reference in references:
        assert planner.plan(reference.peak_bytes + slack).step_s <= reference.step_s * (1 + 1e-6)


def test_greedy_keeps_its_budget_or_says_that_it_cannot(make_profile: MakeProfile) -> None:
    profile = make_profile(3, 12)
    plain = simulate(profile, keep_all(12))
    planner = GreedyPlanner(profile, (*MODES, RECOMPUTE))
    assert planner.plan(plain.peak_bytes) == plain
    budget = int(0.8 * plain.peak_bytes)
    assert planner.plan(budget).peak_bytes <= budget
    with pytest.raises(BudgetTooSmall, match="greedy eviction ends at"):
        planner.plan(profile.static_bytes)
    assert "recompute" not in GreedyPlanner(profile, MODES).smallest().modes


def test_a_budget_below_the_floor_names_the_smallest_that_works(make_profile: MakeProfile) -> None:
    profile = make_profile(1, 8)
    planner = Planner(profile, MODES)
    with pytest.raises(BudgetTooSmall, match="the smallest that works is") as refused:
        planner.plan(profile.static_bytes)
    named_bytes = int(float(str(refused.value).split()[-2]) * 2**20)
    smallest = planner.smallest()
    assert planner.plan(named_bytes).peak_bytes <= named_bytes < smallest.peak_bytes * 1.01
    assert planner.plan(smallest.peak_bytes) == smallest


def test_a_profile_travels_as_json(make_profile: MakeProfile) -> None:
    profile = make_profile(1, 3)
    assert Profile.from_json(profile.to_json()) == profile
