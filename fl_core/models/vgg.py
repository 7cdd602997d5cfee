"""VGG11 with batch norm in its CIFAR shape (Simonyan & Zisserman 2014, configuration A): five blocks, linear head.

Each block ends with a 2x2 max pool. 9.2 M parameters for 10 classes.
"""

from typing import List, Tuple

from torch import nn

from fl_core.models.blocks import BlockSpec, ModelSpec
from fl_core.models.cnn import conv_unit, pooled_head

CONFIGURATION_A = ((64,), (128,), (256, 256), (512, 512), (512, 512))


def vgg11_bn(input_shape: Tuple[int, int, int], classes: int) -> ModelSpec:
    """Input of at least 32x32 (five halvings)."""
    blocks: List[BlockSpec] = []
    channels = input_shape[0]
    for index, widths in enumerate(CONFIGURATION_A, start=1):

        def build(first: int = channels, widths: Tuple[int, ...] = widths) -> nn.Sequential:
            units = [conv_unit(a, b, 1) for a, b in zip((first, *widths), widths)]
            return nn.Sequential(*units, nn.MaxPool2d(2))

        blocks.append(BlockSpec("block{}".format(index), build, channels, widths[-1], 2))
        channels = widths[-1]
    return ModelSpec("vgg11-bn", input_shape, classes, tuple(blocks), lambda: pooled_head(512, classes))
