"""The optimisers of a split against exhaustive search and against what must hold, on many small made-up cases."""

from __future__ import annotations

import itertools
import random

import pytest

from fl_core.optimise import hybrid, pareto
from fl_core.optimise.bandwidth import alternating, best_rates, optimal
from fl_core.optimise.profile import Allocation, Board, CutProfile, evenly, round_s

LINK = 1000.0


def boards(seed: int, count: int = 3, cuts: int = 4) -> list[Board]:
    chance = random.Random(seed)
    return [
        Board(
            f"b{i}",
            tuple(
                CutProfile(f"block{c}", c * chance.uniform(0.1, 2), 4000 / c * chance.uniform(0.3, 2))
                for c in range(1, cuts + 1)
            ),
        )
        for i in range(count)
    ]


def over_all_cuts(some: list[Board]) -> float:
    """The least round over every combination of cuts, each with its best bandwidths."""
    every = itertools.product(*(board.cuts for board in some))
    return min(Allocation(cuts, best_rates(cuts, LINK)).round_s for cuts in every)


@pytest.mark.parametrize("seed", range(20))
def test_cut_and_bandwidth_are_the_exhaustive_optimum(seed: int) -> None:
    some = boards(seed)
    best = optimal(some, LINK)
    assert sum(best.bytes_per_s) == pytest.approx(LINK)
    assert best.round_s == pytest.approx(over_all_cuts(some), rel=1e-6)
    turned = alternating(some, LINK)
    assert (
        best.round_s * (1 - 1e-9)
        <= turned.round_s
        <= Allocation(best_even(some), evenly(some, LINK)).round_s * (1 + 1e-9)
    )


def best_even(some: list[Board]) -> tuple[CutProfile, ...]:
    return tuple(min(b.cuts, key=lambda cut: round_s(cut, LINK / len(some))) for b in some)


def test_bandwidth_for_given_cuts_beats_every_split_of_a_fine_grid() -> None:
    cuts = tuple(board.cuts[1] for board in boards(3, count=2))
    best = Allocation(cuts, best_rates(cuts, LINK)).round_s
    grid = [Allocation(cuts, (LINK * k / 500, LINK * (1 - k / 500))).round_s for k in range(1, 500)]
    assert best <= min(grid) <= best * 1.02


def test_a_board_without_traffic_takes_no_bandwidth() -> None:
    some = [Board("local", (CutProfile("all", 2.0, 0.0),)), Board("split", (CutProfile("block1", 1.0, 1000.0),))]
    best = optimal(some, LINK)
    assert best.bytes_per_s == (0.0, LINK) and best.round_s == pytest.approx(2.0)


def modes(seed: int, count: int = 3) -> list[hybrid.Modes]:
    chance = random.Random(seed)
    ranges = ((1, 8), (0.01, 0.4), (0.1, 1), (0.01, 0.2), (0.005, 0.1))  # seconds, in the order of the fields
    return [
        hybrid.Modes(f"b{i}", 64, *(chance.uniform(*ends) for ends in ranges), least_batch=2, most_batch=10)
        for i in range(count)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_modes_and_batches_are_near_the_exhaustive_optimum(seed: int) -> None:
    some, convergence = modes(seed), hybrid.Convergence(base=20.0, noise=100.0, drift=15.0)
    best = hybrid.total_s(some, convergence, hybrid.exhaustive(some, convergence))
    found = hybrid.total_s(some, convergence, hybrid.descent(some, convergence))
    assert best <= found <= best * 1.02


def ways(seed: int, count: int = 3) -> list[list[pareto.Way]]:
    chance = random.Random(seed)
    return [
        [
            pareto.Way(f"block{c}", mode, chance.uniform(1, 5) * slow, chance.uniform(1, 5) / slow)
            for c in range(1, 4)
            for mode, slow in (("5W", 2.0), ("10W", 1.0))
        ]
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(10))
def test_the_front_is_that_of_all_combinations(seed: int) -> None:
    some = ways(seed)
    assert pareto.exact_front(some) == pareto.non_dominated(
        [pareto.outcome(chosen) for chosen in itertools.product(*some)]
    )


def test_nsga2_never_passes_the_front_and_comes_near() -> None:
    some = ways(1)
    front, found = pareto.exact_front(some), pareto.nsga2_front(some, trials=300, seed=1)
    assert not any(pareto.dominates(point, best) for point in found for best in front)
    assert len(set(found) & set(front)) >= len(front) / 2
