"""The partition: what a part builds, trains and names."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob, UnknownName
from fl_core.models.blocks import NORM_STATISTICS, BlockedModel, ModelSpec, Part, whole

# 10 classes, 3x32x32
PARAMETERS = {
    "cnn": 57_130,
    "mobilenetv2": 2_236_682,
    "resnet152": 58_156_618,
    "resnet10": 4_903_242,
    "resnet18": 11_173_962,
    "resnet18-eighth": 176_402,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
    "squeezenet": 727_626,
    "vgg11-bn": 9_228_362,
    "vgg16-bn": 14_724_042,
    "vit": 1_601_930,
}


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
    with pytest.raises(UnknownName, match=r"did you mean 'resnet18'.*known: cnn, mobilenetv2, .*vgg16-bn, vit"):
        resolve("model", MODELS, "resnet81")


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("vgg16-bn", (1, 28, 28), "vgg16-bn halves its images five times: they need 32 pixels a side, not 28"),
        ("vit", (3, 30, 32), "vit cuts images into 4x4 patches: 30x32 does not divide"),
    ],
)
def test_a_model_that_does_not_divide_says_so(name: str, shape: tuple[int, int, int], words: str) -> None:
    with pytest.raises(BadJob, match=words):
        resolve("model", MODELS, name)(shape, 10)


def freeze_part(spec: ModelSpec, at: int, **more: Any) -> Part:
    names = spec.block_names
    return Part(live=names[at : at + 1], frozen=names[:at], surrogates=names[at + 1 :], head=True, **more)


def test_an_exit_is_an_output_module_of_its_own() -> None:
    spec = spec_of("resnet18")
    model = BlockedModel(spec, Part(live=("block2",), frozen=("block1",), exits=("block2",)))
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert sum(p.numel() for p in model.exits.parameters()) == 128 * 10 + 10
    every = BlockedModel(spec, whole(spec, exits=True)).all_logits(torch.zeros(2, 3, 32, 32))
    assert [logits.shape for logits in every] == [(2, 10)] * 4


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2", "vit"])
def test_micro_batches_give_the_same_prefix(name: str) -> None:
    spec = spec_of(name)
    model = BlockedModel(spec, freeze_part(spec, 2))
    model.set_training()
    inputs = torch.randn(10, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    assert torch.allclose(model.frozen_prefix(inputs, micro_batch=4), model.frozen_prefix(inputs), atol=1e-5)


def test_moving_norm_moves_the_statistics_of_frozen_blocks_and_nothing_else() -> None:
    spec = spec_of("cnn")
    part = freeze_part(spec, 1, moving_norm=True)
    model = BlockedModel(spec, part)
    model.set_training()
    before = {key: value.clone() for key, value in model.tensors().items()}
    model(torch.randn(8, 3, 32, 32)).sum().backward()
    changed = {key for key, value in model.tensors().items() if not torch.equal(value, before[key])}
    assert {key for key in changed if key.startswith("blocks.block1")} == {
        "blocks.block1.0.1." + name for name in NORM_STATISTICS
    }
    assert all(part.trained(key) for key in changed) and not part.trained("blocks.block1.0.1.weight")


def test_tuned_layers_of_a_frozen_block_train_and_the_units_before_them_save_nothing() -> None:
    spec = spec_of("resnet18")
    tuned = ("blocks.block1.2.conv2.", "blocks.block1.2.norm2.")
    model = BlockedModel(spec, freeze_part(spec, 1, tuned=tuned))
    model.set_training()
    model(torch.randn(4, 3, 32, 32)).sum().backward()
    with_gradient = {
        key for key, p in model.named_parameters() if p.grad is not None and key.startswith("blocks.block1")
    }
    assert with_gradient == {tuned[0] + "weight", tuned[1] + "weight", tuned[1] + "bias"}
