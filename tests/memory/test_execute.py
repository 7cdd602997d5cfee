"""Plans on real models: the same gradients, bit for bit, at the peak that was predicted."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from fl_core.catalogue import MODELS
from fl_core.memory.chain import Loss, chain
from fl_core.memory.execute import execute
from fl_core.memory.modes import EXACT, MODES
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.profile import measure
from fl_core.memory.release import gradients_consumed
from fl_core.memory.schedule import Plan, keep_all, simulate
from fl_core.memory.tensors import TensorPeak
from fl_core.memory.uniform import uniform
from fl_core.methods.base import plain_step
from fl_core.models.blocks import BlockedModel

MakeModel = Callable[[str], BlockedModel]
BATCH = 8


def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    images = torch.randn(BATCH, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    return images, torch.randint(0, 10, (BATCH,))


def same(one: nn.Module, other: nn.Module) -> bool:
    """Gradients and buffers, bit for bit."""
    gradients = zip(one.parameters(), other.parameters(), strict=True)
    buffers = zip(one.buffers(), other.buffers(), strict=True)
    return all(a.grad is not None and b.grad is not None and torch.equal(a.grad, b.grad) for a, b in gradients) and all(
        torch.equal(a, b) for a, b in buffers
    )


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"resnet152"}))  # slow, and made of resnet50's units
def test_every_budget_gives_plain_gradients_and_statistics(name: str, make_model: MakeModel) -> None:
    images, labels = batch()
    plain, planned = make_model(name), make_model(name)
    torch.manual_seed(2)  # the same dropout everywhere
    loss = plain_step(plain, images, labels)
    units = [*chain(planned.live_units()), Loss(labels)]
    profile = measure(units, images, EXACT)
    start = copy.deepcopy(planned.state_dict())
    planner = Planner(profile, EXACT)
    least, most = planner.smallest().peak_bytes, simulate(profile, keep_all(len(units))).peak_bytes
    for share in (0.0, 0.3, 1.0):
        planned.load_state_dict(start)
        planned.zero_grad()
        plan = planner.smallest() if share == 0 else planner.plan(least + int(share * (most - least)) + 2**17)
        torch.manual_seed(2)
        assert execute(units, plan.ops, images) == loss
        assert same(plain, planned), (share, plan.modes)


@pytest.mark.parametrize(("name", "released"), [("resnet18", True), ("mobilenetv2", False)])
def test_the_predicted_peak_is_the_measured_one(name: str, released: bool, make_model: MakeModel) -> None:
    images, labels = batch()
    model = make_model(name)
    units = [*chain(model.live_units()), Loss(labels)]
    optimiser = SGD(model.trained_parameters(), 0.01, momentum=0.9)
    profile = measure(units, images, tuple(MODES))
    if released:
        profile = profile.released()
    plain_step(model, images, labels)
    optimiser.step()
    planner = Planner(profile, tuple(MODES))
    gc.collect()  # what other tests have left must not end in the middle
    with TensorPeak() as meter:
        beside = meter.live_bytes - profile.static_bytes  # the labels, and what other tests have left
        for plan in (planner.smallest(), simulate(profile, keep_all(len(units), "compress")), planned_midway(planner)):
            meter.peak_bytes = meter.live_bytes
            with gradients_consumed(optimiser.parameters if released else [], optimiser.update):
                execute(units, plan.ops, images)
            optimiser.step()
            assert meter.peak_bytes - beside == pytest.approx(plan.peak_bytes, rel=0.003), plan.modes


def planned_midway(planner: Planner) -> Plan:
    most = simulate(planner.profile, keep_all(len(planner.profile.units))).peak_bytes
    return planner.plan((planner.smallest().peak_bytes + most) // 2)


def test_released_gradients_train_the_same_model(make_model: MakeModel) -> None:
    images, labels = batch()
    plain, released = make_model("cnn"), make_model("cnn")
    units = [*chain(released.live_units()), Loss(labels)]
    optimisers = [SGD(model.trained_parameters(), 0.1, 0.9, 1e-3) for model in (plain, released)]
    for _ in range(3):
        plain_step(plain, images, labels)
        optimisers[0].step()
        with gradients_consumed(optimisers[1].parameters, optimisers[1].update):
            execute(units, uniform(len(units), 2, "rebuild"), images)
        assert all(parameter.grad is None for parameter in released.parameters())
    assert all(torch.equal(a, released.tensors()[key]) for key, a in plain.tensors().items())


@pytest.mark.parametrize("mode", EXACT)
def test_a_frozen_beginning_stays_as_it_is(mode: str) -> None:
    torch.manual_seed(0)
    frozen = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()).eval().requires_grad_(False)
    live = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 10, 8))
    plain = copy.deepcopy(live)
    inputs, labels = torch.randn(4, 3, 8, 8), torch.randint(0, 10, (4,))
    units = [*chain([frozen, live, nn.Flatten()]), Loss(labels)]
    Loss(labels)(nn.Flatten()(plain(frozen(inputs)))).backward()
    execute(units, uniform(len(units), 2, mode), inputs)
    assert same(plain, live)
    assert all(parameter.grad is None for parameter in frozen.parameters())


@pytest.mark.parametrize("mode", EXACT)
def test_dropout_is_repeated(mode: str) -> None:
    torch.manual_seed(0)
    units = [nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.5)) for _ in range(4)]
    plain = copy.deepcopy(units)
    inputs, labels = torch.randn(8, 16), torch.randint(0, 16, (8,))
    torch.manual_seed(3)
    Loss(labels)(nn.Sequential(*plain)(inputs)).backward()
    after = torch.get_rng_state()
    torch.manual_seed(3)
    execute([*units, Loss(labels)], uniform(5, 2, mode), inputs)
    assert torch.equal(torch.get_rng_state(), after)
    assert same(nn.ModuleList(plain), nn.ModuleList(units))


def test_profiling_leaves_no_trace(make_model: MakeModel) -> None:
    images, labels = batch()
    model = make_model("cnn")
    before, chance = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    with TensorPeak() as meter:
        start = meter.peak_bytes
        measure([*chain(model.live_units()), Loss(labels)], images, tuple(MODES))
        assert meter.peak_bytes - start < 2**16
    assert all(torch.equal(a, before[key]) for key, a in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert torch.equal(torch.get_rng_state(), chance)


def test_rebuilding_saves_what_it_should() -> None:
    """norm -> ReLU6 -> convolution keeps three tensors of the norm's size; rebuilt, only the norm's input."""
    unit = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 4, 1, bias=False))
    first = nn.Conv2d(3, 8, 3, padding=1)
    labels = torch.zeros(4, dtype=torch.long)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    profile = measure([first, unit, head, Loss(labels)], torch.randn(4, 3, 16, 16), EXACT)
    size = 4 * 8 * 16 * 16 * 4
    modes, output = profile.units[1].modes, profile.units[1].output_bytes
    assert modes["keep"].held_bytes - output == pytest.approx(2 * size, abs=200)  # the input is the unit's before
    assert modes["rebuild"].held_bytes - output == pytest.approx(0, abs=200)
