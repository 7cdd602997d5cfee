"""The average of updates: exact, indifferent to order, element by element for sub-models, and closed to bad updates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from fl_core.aggregate import WeightedMean, check_update
from fl_core.errors import BadUpdate

RNG = np.random.RandomState(0)
UPDATES = [{"w": RNG.randn(1000).astype("float32"), "n": np.array(i)} for i in range(4)]
SHAPES = {"w": torch.Size([1000]), "n": torch.Size([])}
SAMPLES = (10, 20, 30, 7)


def mean(order: tuple[int, ...]) -> dict[str, torch.Tensor]:
    folding = WeightedMean(SHAPES, sum(SAMPLES))
    for client in order:
        folding.add(SAMPLES[client], UPDATES[client], {})
    return folding.result({})


def test_every_order_of_arrival_gives_the_same_bits_and_the_true_mean() -> None:
    results = [mean(order) for order in itertools.permutations(range(4))]
    assert len({result["w"].numpy().tobytes() for result in results}) == 1
    true = sum(u["w"].astype("float64") * n for u, n in zip(UPDATES, SAMPLES, strict=True)) / sum(SAMPLES)
    assert np.abs(results[0]["w"].double().numpy() - true).max() < 2**-24 * 4  # half a unit of float32 at 4
    assert results[0]["n"] == 3


def test_a_single_update_comes_back_to_the_bit() -> None:
    folding = WeightedMean(SHAPES, 100_000)
    folding.add(999, UPDATES[0], {})
    assert np.array_equal(folding.result({})["w"].numpy(), UPDATES[0]["w"])


def test_elements_are_averaged_over_the_clients_that_trained_them() -> None:
    state = {"w": torch.full((3, 4), -1.0)}
    folding = WeightedMean({"w": torch.Size([3, 4])}, 10)
    folding.add(1, {"w": np.full((2, 2), 4.0, "float32")}, {"w": (slice(0, 2), slice(0, 2))})
    folding.add(3, {"w": np.full((2, 3), 8.0, "float32")}, {"w": np.ix_([0, 2], [3, 0, 1])})
    expected = [[7, 7, -1, 8], [4, 4, -1, -1], [8, 8, -1, 8]]
    assert folding.result(state)["w"].tolist() == expected
    folding.add(4, {"w": np.zeros((3, 4), "float32")}, {})
    weights = np.array([[8, 8, 4, 7], [5, 5, 4, 4], [7, 7, 4, 7]])
    sums = np.array([[28, 28, 0, 24], [4, 4, 0, 0], [24, 24, 0, 24]])
    assert np.allclose(folding.result(state)["w"].numpy(), sums / weights, rtol=1e-7)


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"w": np.array([1.0, np.nan], "float32")}, "w is not finite"),
        ({"w": np.array([1.0, -np.inf], "float32")}, "w is not finite"),
        ({"w": np.array([1.0, 1e9], "float32")}, r"beyond 2\^16"),
        ({"w": np.zeros(3, "float32")}, r"w has shape \(3,\), expected \(2,\)"),
        ({"v": np.zeros(2, "float32")}, "missing or not asked for: v, w"),
        ({}, "missing or not asked for: w"),
    ],
)
def test_an_update_that_cannot_be_averaged_is_refused(update: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(BadUpdate, match=words):
        check_update(update, {"w": torch.Size([2])})
    check_update({"w": np.zeros(2, "float32")}, {"w": torch.Size([2])})
