"""Compressed activations: how many bytes, how wrong, and right on average. Paged ones: right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fl_core.memory.compress import Compressed, Quantised
from fl_core.memory.page import Paged

SHAPES = [(4, 10, 6, 6), (16, 10), (4, 7, 12)]


def tensor(shape: tuple[int, ...], channels_last: bool = False) -> Tensor:
    torch.manual_seed(0)
    made = torch.randn(shape)
    return made.contiguous(memory_format=torch.channels_last) if channels_last else made


@pytest.mark.parametrize("shape", SHAPES)
def test_each_number_is_within_a_step_and_right_on_average(shape: tuple[int, ...]) -> None:
    original, noise = tensor(shape, len(shape) == 4), torch.Generator().manual_seed(1)
    again = torch.stack([Quantised(original, noise).make() for _ in range(200)])
    rows = original.permute(0, 2, 3, 1).reshape(-1, shape[1]) if len(shape) == 4 else original.reshape(-1, shape[-1])
    step = (rows.max(0)[0] - rows.min(0)[0]) / 15
    step = step[:, None, None] if len(shape) == 4 else step
    assert ((again - original).abs() <= step * 1.001).all()
    assert (again.mean(0) - original).abs().max() < 0.2 * step.max()
    assert again.shape[1:] == original.shape and again[0].stride() == original.stride()


def test_it_takes_about_five_bits_and_the_widest_channels_get_eight() -> None:
    original = tensor((8, 20, 16, 16), channels_last=True)
    original[:, 3] *= 100
    slot = Quantised(original, torch.Generator())
    assert slot.code.nbytes * 8 / original.numel() == pytest.approx(0.2 * 8 + 0.8 * 4)
    error = (slot.make() - original).abs().amax((0, 2, 3))
    span = original.amax((0, 2, 3)) - original.amin((0, 2, 3))
    assert error[3] <= span[3] / 255 * 1.001


def test_a_constant_channel_comes_back() -> None:
    assert torch.equal(Quantised(torch.full((3, 4), 2.5), torch.Generator()).make(), torch.full((3, 4), 2.5))


def gradients(unit: nn.Module, inputs: Tensor, saving: type | None) -> list[Tensor]:
    unit.zero_grad()
    leaf = inputs.clone().requires_grad_()
    if saving is None:
        output = unit(leaf)
    else:
        with saving(unit):
            output = unit(leaf)
    output.pow(2).sum().backward()
    return [leaf.grad, *(p.grad for p in unit.parameters())]  # type: ignore[list-item]


@pytest.fixture
def unit() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 1)]
    return nn.Sequential(*layers)


def test_compressed_gradients_are_near_and_dropouts_chance_is_untouched(unit: nn.Module) -> None:
    inputs = tensor((8, 3, 8, 8))
    exact, state = gradients(unit, inputs, None), torch.get_rng_state()
    near = gradients(unit, inputs, Compressed)
    assert torch.equal(torch.get_rng_state(), state)
    errors = [float((a - b).norm() / b.norm()) for a, b in zip(near[1:], exact[1:], strict=True) if b.norm() > 1e-3]
    assert 0 < max(errors) < 0.2


def test_paged_gradients_are_the_same_bits(unit: nn.Module) -> None:
    inputs = tensor((8, 3, 8, 8), channels_last=True)
    exact, paged = gradients(unit, inputs, None), gradients(unit, inputs, Paged)
    assert all(torch.equal(a, b) for a, b in zip(exact, paged, strict=True))
