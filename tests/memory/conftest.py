from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.memory.profile import ModeCost, Profile, UnitCost
from fl_core.models.blocks import BlockedModel, whole
from tests.fl_core.conftest import one_thread

__all__ = ["one_thread"]  # a fixture: sums are then made in one order, so that equal means equal bits

MakeModel = Callable[[str], BlockedModel]
MakeProfile = Callable[..., Profile]


@pytest.fixture
def make_model() -> MakeModel:
    def make(name: str) -> BlockedModel:
        torch.manual_seed(0)
        spec = resolve("model", MODELS, name)((3, 32, 32), 10)
        model = BlockedModel(spec, whole(spec))
        model.set_training()
        return model

    return make


@pytest.fixture
def make_profile() -> MakeProfile:
    """A made-up chain: tensors of 1 to 40 grains, two modes of which the second keeps less and takes longer."""

    def make(seed: int, count: int, grain_bytes: int = 1 << 16, gradients: bool = True) -> Profile:
        chance = random.Random(seed)
        units = []
        for index in range(count):
            last = index == count - 1
            output = 0 if last else chance.randint(1, 40) * grain_bytes
            inner = chance.randint(2, 40) * grain_bytes
            gradient = chance.randint(0, 20) * grain_bytes if gradients else 0
            seconds = chance.uniform(0.01, 0.1)
            modes = {}
            for mode, kept, slower in (
                ("keep", inner, 1.0),
                ("rebuild", inner // (2 * grain_bytes) * grain_bytes, 1.3),
            ):
                backward = kept + inner + output + gradient
                modes[mode] = ModeCost(
                    seconds, seconds * 2 * slower, kept + 2 * output, kept + output, kept, backward, backward - gradient
                )
            units.append(UnitCost(output, gradient, seconds * 0.9, output + inner // 2, modes))
        return Profile(100 * grain_bytes, tuple(units))

    return make
