"""ResNets in their CIFAR shape (He et al. 2015; 3x3 stem, stride 1, no max pool): four stages = four blocks.

The stem belongs to block 1, as in ProFL's published partition. Parameters for 10 classes, in millions: ResNet10 4.90,
ResNet18 11.17, ResNet34 21.28, ResNet50 23.52, ResNet152 58.16. `resnet18-eighth` has an eighth of ResNet18's channels
(0.18): for studies of many rounds on a CPU, for its stages need about the same shares of full training's memory.
"""

from typing import Callable, Tuple

import torch
from torch import Tensor, nn

from fl_core.models.blocks import BlockSpec, ModelSpec, pooled_head, scaled
from fl_core.models.cnn import conv_unit

STEM = 64
Unit = Callable[[int, int, int], nn.Module]


def shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Identity where the shapes agree, else a 1x1 projection and its norm."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
    )


class BasicUnit(nn.Module):
    """Two 3x3 convolutions and a shortcut. (b, in, h, w) -> (b, out, h/stride, w/stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.norm1(self.conv1(inputs)))
        return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(inputs))


class BottleneckUnit(nn.Module):
    """1x1 to a quarter of the channels, 3x3 with the stride, 1x1 back, and a shortcut. Shapes as in `BasicUnit`."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        inner = out_channels // 4
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, out_channels, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(out_channels)
        self.shortcut = shortcut(in_channels, out_channels, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.norm1(self.conv1(inputs)))
        hidden = torch.relu(self.norm2(self.conv2(hidden)))
        return torch.relu(self.norm3(self.conv3(hidden)) + self.shortcut(inputs))


def resnet(
    name: str,
    unit: Unit,
    depths: Tuple[int, ...],
    expansion: int,
    shape: Tuple[int, int, int],
    classes: int,
    width: float,
) -> ModelSpec:
    """`depths`: units per stage; `expansion`: output channels of a stage over its inner ones; `width`: of all."""
    stem = scaled(STEM, width)
    widths = (stem, *(scaled(STEM * 2**stage, width) * expansion for stage in range(len(depths))))

    def stage(index: int) -> nn.Sequential:
        first = 1 if index == 1 else 2
        channels = (widths[index - 1], *[widths[index]] * depths[index - 1])
        units = [unit(a, b, first if i == 0 else 1) for i, (a, b) in enumerate(zip(channels, channels[1:]))]
        return nn.Sequential(*([conv_unit(shape[0], stem, 1)] if index == 1 else []), *units)

    blocks = tuple(
        BlockSpec(
            "block{}".format(i),
            lambda i=i: stage(i),  # type: ignore[misc]
            shape[0] if i == 1 else widths[i - 1],
            widths[i],
            1 if i == 1 else 2,
        )
        for i in range(1, len(depths) + 1)
    )
    return ModelSpec(name, shape, classes, blocks, lambda: pooled_head(widths[-1], classes))


def resnet10(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet10", BasicUnit, (1, 1, 1, 1), 1, shape, classes, width)


def resnet18(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet18", BasicUnit, (2, 2, 2, 2), 1, shape, classes, width)


def resnet18_eighth(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet18-eighth", BasicUnit, (2, 2, 2, 2), 1, shape, classes, width / 8)


def resnet34(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet34", BasicUnit, (3, 4, 6, 3), 1, shape, classes, width)


def resnet50(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet50", BottleneckUnit, (3, 4, 6, 3), 4, shape, classes, width)


def resnet152(shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    return resnet("resnet152", BottleneckUnit, (3, 8, 36, 3), 4, shape, classes, width)
