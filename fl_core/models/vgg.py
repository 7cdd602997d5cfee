"""VGG with batch norm in its CIFAR shape (Simonyan & Zisserman 2014): five blocks, linear head.

Each block ends with a 2x2 max pool. Parameters for 10 classes, in millions: VGG11 9.23, VGG16 14.72.
"""

from typing import List, Tuple

from torch import nn

from fl_core.errors import BadJob
from fl_core.models.blocks import BlockSpec, ModelSpec, pooled_head, scaled
from fl_core.models.cnn import conv_unit

CONFIGURATION_A = ((64,), (128,), (256, 256), (512, 512), (512, 512))
CONFIGURATION_D = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
SMALLEST = 32  # five halvings


def vgg(
    name: str, configuration: Tuple[Tuple[int, ...], ...], shape: Tuple[int, int, int], classes: int, width: float
) -> ModelSpec:
    if min(shape[1:]) < SMALLEST:
        raise BadJob(
            "{} halves its images five times: they need {} pixels a side, not {}".format(name, SMALLEST, min(shape[1:]))
        )
    blocks: List[BlockSpec] = []
    channels = shape[0]
    for index, full in enumerate(configuration, start=1):
        widths = tuple(scaled(w, width) for w in full)

        def build(first: int = channels, widths: Tuple[int, ...] = widths) -> nn.Sequential:
            units = [conv_unit(a, b, 1) for a, b in zip((first, *widths), widths)]
            return nn.Sequential(*units, nn.MaxPool2d(2))

        blocks.append(BlockSpec("block{}".format(index), build, channels, widths[-1], 2))
        channels = widths[-1]
    return ModelSpec(name, shape, classes, tuple(blocks), lambda: pooled_head(channels, classes))


def vgg11_bn(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return vgg("vgg11-bn", CONFIGURATION_A, shape, classes, width)


def vgg16_bn(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return vgg("vgg16-bn", CONFIGURATION_D, shape, classes, width)
