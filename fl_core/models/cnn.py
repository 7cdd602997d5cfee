"""A small CNN for digits and quick looks: three conv-norm-relu blocks and a linear head."""

from typing import Tuple

from torch import nn

from fl_core.models.blocks import BlockSpec, ModelSpec, pooled_head, scaled


def conv_unit(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def cnn(input_shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    """About 60 000 parameters; any input of at least 4x4."""
    widths = (input_shape[0], scaled(32, width), scaled(64, width), scaled(64, width))
    strides = (1, 2, 2)
    blocks = tuple(
        BlockSpec(
            "block{}".format(i + 1),
            lambda i=i: nn.Sequential(conv_unit(widths[i], widths[i + 1], strides[i])),  # type: ignore[misc]
            widths[i],
            widths[i + 1],
            strides[i],
        )
        for i in range(3)
    )
    return ModelSpec("cnn", input_shape, classes, blocks, lambda: pooled_head(widths[-1], classes))
