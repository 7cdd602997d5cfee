"""The partition: what a part builds, trains and names."""

from __future__ import annotations

import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import UnknownName
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole

# 10 classes, 3x32x32
PARAMETERS = {"cnn": 57_130, "mobilenetv2": 2_236_682, "resnet18": 11_173_962, "vgg11-bn": 9_228_362}


def spec_of(name: str) -> ModelSpec:
    return resolve("model", MODELS, name)((3, 32, 32), 10)  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_whole_model_has_the_known_size_and_shape(name: str) -> None:
    spec = spec_of(name)
    model = BlockedModel(spec, whole(spec))
    assert sum(p.numel() for p in model.parameters()) == PARAMETERS[name]
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("active", [0, 1, -1])
def test_every_freeze_stage_reaches_the_logits_and_builds_no_later_block(name: str, active: int) -> None:
    spec = spec_of(name)
    names = spec.block_names
    at = range(len(names))[active]
    part = Part(live=names[at : at + 1], frozen=names[:at], surrogates=names[at + 1 :], head=True)
    model = BlockedModel(spec, part)
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert set(model.blocks) == set(names[: at + 1])


def test_frozen_blocks_save_nothing_and_keep_their_statistics() -> None:
    spec = spec_of("resnet18")
    model = BlockedModel(spec, Part(frozen=("block1",), live=("block2",)))
    model.set_training()
    before = {key: value.clone() for key, value in model.tensors().items() if key.startswith("blocks.block1")}
    output = model(torch.randn(4, 3, 32, 32))
    assert not model.frozen_prefix(torch.randn(2, 3, 32, 32)).requires_grad
    output.sum().backward()
    assert all(p.grad is None for p in model.blocks["block1"].parameters())
    assert all(p.grad is not None for p in model.blocks["block2"].parameters())
    assert all(torch.equal(model.tensors()[key], value) for key, value in before.items())


def test_a_part_knows_its_keys() -> None:
    part = Part(live=("block2",), frozen=("block1",), surrogates=("block3",), head=True)
    assert part.trained("blocks.block2.0.conv1.weight") and part.trained("surrogates.block3.weight")
    assert part.trained("head.2.weight") and not part.trained("blocks.block1.0.0.weight")
    assert part.holds("blocks.block1.0.0.weight") and not part.holds("blocks.block3.0.conv1.weight")


def test_an_unknown_model_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"did you mean 'resnet18'.*known: cnn, mobilenetv2, resnet18, vgg11-bn"):
        resolve("model", MODELS, "resnet81")
