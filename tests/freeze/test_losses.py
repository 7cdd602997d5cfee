"""Losses against their definitions, written another way."""

from __future__ import annotations

import numpy as np
import torch

from fl_core.losses.distillation import mapping, mutual
from fl_core.losses.hsic import nhsic
from fl_core.losses.proximal import proximal


def reference_nhsic(x: np.ndarray, y: np.ndarray, sigma: float = 5.0) -> float:
    """tr(K_x H K_y H), normalised."""
    m = len(x)
    centre = np.eye(m) - 1 / m

    def kernel(a: np.ndarray) -> np.ndarray:
        a = a.reshape(m, -1)
        return np.exp(-((a[:, None] - a[None]) ** 2).sum(-1) / (2 * sigma**2 * a.shape[1]))

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.trace(kernel(a) @ centre @ kernel(b) @ centre))

    return hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y))


def test_nhsic_is_its_definition() -> None:
    rng = np.random.RandomState(0)
    x, y = rng.randn(12, 3, 4, 4), rng.randn(12, 5)
    value = float(nhsic(torch.from_numpy(x), torch.from_numpy(y)))
    assert abs(value - reference_nhsic(x, y)) < 1e-9
    assert abs(value - float(nhsic(torch.from_numpy(y), torch.from_numpy(x)))) < 1e-12 and 0 < value < 1
    assert abs(float(nhsic(torch.from_numpy(x), torch.from_numpy(x))) - 1) < 1e-9


def test_nhsic_sees_dependence_and_not_where_there_is_none() -> None:
    labels = torch.eye(4, dtype=torch.float64).repeat(8, 1)
    torch.manual_seed(0)
    dependent = labels @ torch.randn(4, 6, dtype=torch.float64)
    assert float(nhsic(dependent, labels)) > 0.8 > 0.3 > float(nhsic(torch.randn(32, 6, dtype=torch.float64), labels))
    assert float(nhsic(torch.ones(32, 6, dtype=torch.float64), labels)) == 0.0  # all alike: no dependence, no NaN


def test_nhsic_has_the_gradient_that_differences_show() -> None:
    torch.manual_seed(1)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    y = torch.randn(5, 2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda value: nhsic(value, y), (x,))  # type: ignore[no-untyped-call]


def test_the_proximal_term_pulls_back_by_mu_times_the_distance() -> None:
    now, received = torch.tensor([1.0, 4.0], requires_grad=True), torch.tensor([1.0, 1.0])
    loss = proximal([(now, received)], mu=0.5)
    loss.backward()
    assert float(loss.detach()) == 0.25 * 9 and now.grad is not None and now.grad.tolist() == [0.0, 1.5]


def test_distillation() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    assert float(mapping(a, b)) == 1.0
    p = torch.softmax(a, 1)[0]
    divergence = float((p * (p / p.flip(0)).log()).sum())
    assert abs(float(mutual([a, b])) - 2 * divergence) < 1e-6
    assert float(mutual([a, a, a])) == 0.0 == float(mutual([a]))
