"""ResNet18 in its CIFAR shape (He et al. 2015; 3x3 stem, stride 1, no max pool): four stages = four blocks.

The stem belongs to block 1, as in ProFL's published partition. 11.17 M parameters for 10 classes.
"""

from typing import Tuple

import torch
from torch import Tensor, nn

from fl_core.models.blocks import BlockSpec, ModelSpec
from fl_core.models.cnn import conv_unit, pooled_head


class BasicUnit(nn.Module):
    """Two 3x3 convolutions and a shortcut. (b, in, h, w) -> (b, out, h/stride, w/stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.norm1(self.conv1(inputs)))
        return torch.relu(self.norm2(self.conv2(hidden)) + self.shortcut(inputs))


def resnet18(input_shape: Tuple[int, int, int], classes: int) -> ModelSpec:
    widths = (64, 64, 128, 256, 512)

    def stage(index: int) -> nn.Sequential:
        stride = 1 if index == 1 else 2
        units = [BasicUnit(widths[index - 1], widths[index], stride), BasicUnit(widths[index], widths[index], 1)]
        stem = [conv_unit(input_shape[0], widths[0], 1)] if index == 1 else []
        return nn.Sequential(*stem, *units)

    blocks = tuple(
        BlockSpec(
            "block{}".format(i),
            lambda i=i: stage(i),  # type: ignore[misc]
            input_shape[0] if i == 1 else widths[i - 1],
            widths[i],
            1 if i == 1 else 2,
        )
        for i in range(1, 5)
    )
    return ModelSpec("resnet18", input_shape, classes, blocks, lambda: pooled_head(widths[-1], classes))
