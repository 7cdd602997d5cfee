"""Narrow models: their channels fit together, and every scalar of the global one knows who trains it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob
from fl_core.models.blocks import BlockedModel, ModelSpec, whole
from fl_core.submodel.width import narrowed, region, shapes, window

NARROW = ["cnn", "mobilenetv2", "resnet10", "resnet18", "resnet18-eighth", "resnet50", "vgg11-bn"]


def spec_of(name: str) -> ModelSpec:
    return resolve("model", MODELS, name)((3, 32, 32), 10)  # type: ignore[no-any-return]


def test_windows() -> None:
    assert window(8, 3, 0).tolist() == [0, 1, 2] and window(8, 3, 6).tolist() == [6, 7, 0]
    assert window(8, 8, 5).tolist() == list(range(8))


@pytest.mark.parametrize("name", NARROW)
@pytest.mark.parametrize("shift", [0, 5])
def test_a_narrow_model_computes_what_the_full_one_does_with_its_other_channels_silenced(name: str, shift: int) -> None:
    """The full model, all weights outside the window zero, and biases too: silent channels stay silent."""
    torch.manual_seed(2)
    spec = spec_of(name)
    small = narrowed(spec, 0.5)
    full_shapes, small_shapes = shapes(spec), shapes(small)
    narrow = BlockedModel(small, whole(small)).eval()
    full = BlockedModel(spec, whole(spec)).eval()
    with torch.no_grad():
        for key, value in full.tensors().items():
            if value.is_floating_point():
                value.zero_()
                value[region(full_shapes[key], small_shapes[key], shift)] = narrow.tensors()[key]
            if key.endswith("running_var"):
                value[value == 0] = 1.0
    inputs = torch.randn(2, 3, 32, 32)
    assert torch.allclose(full(inputs), narrow(inputs), atol=1e-4)


@pytest.mark.parametrize("name", sorted(set(MODELS) - set(NARROW) - {"resnet152", "resnet34", "vgg16-bn"}))
def test_a_model_without_narrower_versions_says_so(name: str) -> None:
    with pytest.raises(BadJob, match=f"{name} has no narrower version"):
        narrowed(spec_of(name), 0.5)


def test_regions_name_no_element_twice_and_roll_over_all_of_them() -> None:
    seen = np.zeros((6, 4))
    for shift in range(6):
        once = np.zeros((6, 4))
        once[region((6, 4), (3, 2), shift)] += 1
        assert once.sum() == 6
        seen += once
    assert (seen > 0).any(axis=1).all() and (seen > 0).any(axis=0).all()
