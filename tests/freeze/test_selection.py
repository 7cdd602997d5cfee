"""Who takes part: rules on small worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from fl_core.errors import BadJob
from fl_core.selection.candidate import MIB, Candidate, eligible, refuse_empty
from fl_core.selection.choose import RULES, check_rule, choose
from fl_core.selection.communities import communities, fair, quotas
from fl_core.selection.oort import oort, preferred_duration_s, statistical_utility, system_utility
from fl_core.selection.tiers import tiered, tiers
from fl_core.selection.ucb import ucb, utility


def rng(seed: int = 0) -> np.random.RandomState:
    return np.random.RandomState(seed)


def known(name: str, loss: float = 1.0, duration_s: float = 1.0, **more: object) -> Candidate:
    return Candidate(name, 100, mean_square_loss=loss, duration_s=duration_s, last_round=1, times_chosen=1, **more)  # type: ignore[arg-type]


def names(chosen: list[Candidate]) -> list[str]:
    return [c.name for c in chosen]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_gives_the_same_distinct_clients_for_the_same_round(rule: str) -> None:
    clients = [known(f"c{i}", loss=1 + i, duration_s=1 + i % 3) for i in range(12)] + [Candidate("new", 50)]
    groups = [[f"c{i}" for i in range(6)], [f"c{i}" for i in range(6, 12)]]
    first, again = (choose(rule, clients, 5, 7, rng(3), 10 * MIB, groups) for _ in range(2))
    assert names(first) == names(again) == sorted(set(names(first)), key=names(clients).index)
    assert 0 < len(first) <= 5
    assert len(choose(rule, clients[:1], 5, 1, rng(), MIB, groups)) == 1  # one client only


def test_an_unknown_rule_lists_the_known() -> None:
    with pytest.raises(BadJob, match="unknown selection 'best'; known: random, oort"):
        check_rule("best")


def test_memory_decides_who_is_eligible_and_says_the_smallest_budget_where_nobody_is() -> None:
    clients = [
        Candidate("small", 1, memory_bytes=100 * MIB),
        Candidate("large", 1, memory_bytes=300 * MIB),
        Candidate("?", 1),
    ]
    assert names(eligible(clients, 200 * MIB)) == ["large", "?"]
    with pytest.raises(BadJob, match=r"block1 needs 500\.1 MiB and the largest budget is 300\.0 MiB"):
        refuse_empty([], clients, 500 * MIB + 1, "block1")


def test_oorts_utilities() -> None:
    assert statistical_utility(known("a", loss=4.0)) == 200.0
    assert system_utility(known("a", duration_s=4.0), preferred_s=2.0) == 0.25
    assert system_utility(known("a", duration_s=1.0), preferred_s=2.0) == 1.0
    assert preferred_duration_s([known("a", duration_s=1), known("b", duration_s=3), Candidate("c", 1)]) == 2.0


def test_oort_prefers_large_losses_and_in_time_clients_once_all_are_known() -> None:
    clients = [
        known("dull", loss=0.01),
        known("useful", loss=4.0),
        known("useful but slow", loss=4.0, duration_s=100.0),
    ]
    assert names(oort(clients, 1, 50, rng())) == ["useful"]
    assert set(names(oort([*clients, Candidate("new", 1)], 2, 1, rng()))) & {"new"} == {"new"}  # it explores first


def test_ucb_tries_everybody_then_weighs_utility_against_how_often_a_client_was_tried() -> None:
    clients = [known("a", loss=4.0), known("b", loss=1.0), Candidate("new", 1)]
    assert names(ucb(clients, 1, 2, MIB, rng())) == ["new"]
    assert names(ucb(clients, 2, 2, MIB, rng())) == ["a", "new"]
    often = [known("a", loss=4.0)._replace(times_chosen=10_000), known("b", loss=3.9)]
    assert names(ucb(often, 1, 10_000, MIB, rng())) == ["b"]
    assert utility(known("a", loss=4.0, duration_s=2.0, memory_bytes=MIB // 2), MIB) == 1.0


def test_tiers_are_clients_of_similar_speed() -> None:
    clients = [known(f"c{i}", duration_s=float(i)) for i in range(6)] + [Candidate("new", 1)]
    assert [names(tier) for tier in tiers(clients, 3)] == [["c0", "c1"], ["c2", "c3"], ["c4", "c5"], ["new"]]
    groups = [set(names(tier)) for tier in tiers(clients, 3)]
    assert all(any(set(names(tiered(clients, 2, 3, rng(seed)))) <= tier for tier in groups) for seed in range(10))


def profiles() -> dict[str, np.ndarray]:
    """Three kinds of data: updates of a kind point one way, with a little noise."""
    chance, kinds = rng(1), np.eye(3).repeat(20, axis=1)
    return {f"k{k}-{i}": kinds[k] + 0.3 * chance.randn(60) for k in range(3) for i in range(5)}


def test_communities_are_found_where_there_are_some() -> None:
    found = communities(profiles(), seed=1, nearest=4)
    assert sorted(found) == [[f"k{k}-{i}" for i in range(5)] for k in range(3)]
    assert found == communities(profiles(), seed=1, nearest=4)


def test_clients_without_a_profile_and_zero_updates_do_not_break_the_grouping() -> None:
    assert sorted(communities({"a": np.zeros(3), "b": np.ones(3), "c": np.ones(3)}, seed=1)) == [["a"], ["b", "c"]]
    chosen = fair([["a", "b"]], [known("a"), known("b"), Candidate("new", 10)], 2, 1, rng())
    assert "new" in names(chosen) and len(chosen) == 2


@pytest.mark.parametrize(
    ("weights", "capacities", "count", "expected"),
    [
        ([600, 300, 100], [9, 9, 9], 10, [6, 3, 1]),
        ([1000, 1, 1], [9, 9, 9], 4, [2, 1, 1]),  # one each while slots last
        ([1000, 1, 1], [1, 9, 9], 5, [1, 2, 2]),  # no more than there are
        ([5, 5], [1, 1], 10, [1, 1]),
        ([1, 2, 3], [9, 9, 9], 2, [0, 1, 1]),
    ],
)
def test_quotas(weights: list[float], capacities: list[int], count: int, expected: list[int]) -> None:
    assert quotas(weights, capacities, count) == expected
