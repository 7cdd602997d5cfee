"""SmartSplit's decisions, without training: the central manager's search, the MEC manager's moves, predictions."""

from __future__ import annotations

import random

import pytest

from fl_core.managers import mec
from fl_core.managers.bayes import bayesian
from fl_core.managers.central import Device, Option, Problem, Weights, coverage, decide, exhaustive
from fl_core.managers.cut import CutCost
from fl_core.managers.timing import measured, round_s


def made_up(seed: int, count: int, cuts: int, cohort: int) -> Problem:
    chance = random.Random(seed)
    devices = []
    for index in range(count):
        speed, wire = chance.uniform(0.2, 3), chance.uniform(0.1, 4)
        held = chance.randint(1, cuts)
        options = tuple(Option(f"block{c}", speed * c + wire * (cuts - c + 1), c * 1000) for c in range(1, held + 1))
        labels = tuple(chance.choice((0, 0, 10, 40)) for _ in range(4))
        devices.append(Device(f"d{index}", chance.uniform(1, 10), labels, options))
    return Problem(tuple(devices), cohort, Weights())


def test_bayesian_optimisation_finds_what_exhaustive_search_finds() -> None:
    problems = [made_up(seed, count=4, cuts=3, cohort=3) for seed in range(6)]
    best = [problem.loss(exhaustive(problem)) for problem in problems]
    assert [problem.loss(bayesian(trials=60)(problem)) for problem in problems] == pytest.approx(best)
    assert sum(problem.loss(problem.neutral) - least for problem, least in zip(problems, best, strict=True)) > 0.1


def test_the_search_never_ends_worse_than_everybody_at_its_fastest() -> None:
    problem = made_up(9, count=12, cuts=5, cohort=6)
    found = bayesian(trials=40, seed=2)(problem)
    assert problem.loss(found) <= problem.loss(problem.neutral) and 0 < sum(o > 0 for o in found) <= 6


def device(name: str, seconds: list[float], labels: tuple[int, ...] = (5, 5), importance: float = 1.0) -> Device:
    return Device(name, importance, labels, tuple(Option(f"block{i}", s, i) for i, s in enumerate(seconds, start=1)))


def test_cuts_are_chosen_by_time_and_nobody_is_offered_what_it_cannot_hold() -> None:
    devices = [device("fast", [3.0, 1.0]), device("slow", [2.0, 9.0]), device("tiny", [])]
    assert decide(devices, None, Weights(), exhaustive) == {"fast": "block2", "slow": "block1"}


def test_a_straggler_is_asked_only_where_its_data_are_worth_it() -> None:
    quick = [device("a", [1.0], (9, 0)), device("b", [1.0], (9, 0))]
    same, rare = device("c", [40.0], (9, 0), 0.1), device("c", [40.0], (0, 9), 6.0)
    assert "c" not in decide([*quick, same], None, Weights(), exhaustive)
    assert "c" in decide([*quick, rare], None, Weights(), exhaustive)


def test_coverage_is_one_for_all_and_falls_with_one_sided_labels() -> None:
    devices = [device("a", [1.0], (8, 0)), device("b", [1.0], (0, 8)), device("c", [1.0], (4, 4))]
    assert coverage(devices, devices) == 1
    assert coverage(devices[:1], devices) < coverage(devices[2:], devices) < 1


COSTS = {
    "block1": CutCost("block1", 30, 10, 800, 10, 1000, 9000),
    "block2": CutCost("block2", 50, 20, 400, 40, 4000, 6000),
}


def test_a_round_predicted_at_its_own_cut_is_the_measured_one() -> None:
    seconds = {"download": 0.5, "compute": 2.0, "exchange": 3.0}
    rates = measured(seconds, 1.0, COSTS["block1"])
    assert rates is not None
    assert round_s(rates, COSTS["block1"]) == pytest.approx(2.0 + 3.0 + 2 * 0.5)
    there = 2.0 * 4 + 1.0 * 6 / 9 + 2.0 * 0.5 + 2 * 0.5 * 4
    assert round_s(rates, COSTS["block2"]) == pytest.approx(there)
    assert measured({"compute": 2.0}, 1.0, COSTS["block1"]) is None


def member(cut: str, took_s: float, **seconds: float) -> mec.Member:
    return mec.Member(cut, took_s, seconds)


def test_an_important_straggler_is_relieved_and_an_unimportant_one_gets_a_deadline() -> None:
    members = {
        "late": member("block2", 10.0, block1=3.0, block2=10.0),
        "even": member("block1", 4.0, block1=4.0, block2=7.0),
        "idle": member("block1", 1.0, block1=1.0, block2=2.0),
        "full": member("block1", 1.0, block1=1.0),
        "ready": member("block2", 4.0, block1=2.0, block2=4.0),
    }
    wanted = {"late": 5.0, "even": 1.0, "idle": 1.0, "full": 1.0, "ready": 1.0}
    assert mec.refined(members, wanted) == {
        "late": "block1", "even": "block1", "idle": "block2", "full": "block1", "ready": "block2"
    }  # fmt: skip
    assert mec.deadlines_s(members, wanted) == {}
    unwanted = {**wanted, "late": 0.1}
    assert mec.refined(members, unwanted)["late"] == "block2"
    assert mec.deadlines_s(members, unwanted) == {"late": pytest.approx(6.0)}


def test_importance_follows_the_loss_and_forgets() -> None:
    first = mec.importance(None, 100, 4.0)
    assert first == 200 and mec.importance(first, 100, 0.0) == 100
    assert mec.importance(None, 100, None) == 100 and mec.importance(70.0, 100, None) == 70
