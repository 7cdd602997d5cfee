"""SqueezeNet 1.1 in its CIFAR shape (Iandola et al. 2016; 3x3 stem, stride 1, no pool behind it): three blocks.

Blocks begin where the resolution falls (32, 16, 8). No batch norm, as published; the head is a 1x1 convolution behind
dropout. 0.73 M parameters for 10 classes. Two branches are joined in each unit, so it has no narrower version here.
"""

from typing import Tuple

import torch
from torch import Tensor, nn

from fl_core.models.blocks import BlockSpec, ModelSpec

STEM = 64
# per block: (squeezed channels, expanded channels of each branch) of its fire units
BLOCKS = (((16, 64), (16, 64)), ((32, 128), (32, 128)), ((48, 192), (48, 192), (64, 256), (64, 256)))


def convolution(in_channels: int, out_channels: int, kernel: int) -> nn.Conv2d:
    """Keeps the size; initialised after He et al. 2015, since no norm corrects the scale of what follows."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2)
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    return layer


class Fire(nn.Module):
    """Squeeze 1x1, expand by 1x1 and 3x3 side by side. (b, in, h, w) -> (b, 2 * expanded, h, w)."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = convolution(in_channels, squeezed, 1)
        self.expand1 = convolution(squeezed, expanded, 1)
        self.expand3 = convolution(squeezed, expanded, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = torch.relu(self.squeeze(inputs))
        return torch.relu(torch.cat([self.expand1(hidden), self.expand3(hidden)], 1))


def squeezenet(shape: Tuple[int, int, int], classes: int) -> ModelSpec:
    widths = (STEM, *(2 * fires[-1][1] for fires in BLOCKS))

    def build(index: int) -> nn.Sequential:
        channels = (widths[index], *(2 * expanded for _, expanded in BLOCKS[index]))
        fires = [Fire(c, squeezed, expanded) for c, (squeezed, expanded) in zip(channels, BLOCKS[index])]
        begin = nn.Sequential(convolution(shape[0], STEM, 3), nn.ReLU()) if index == 0 else nn.MaxPool2d(2)
        return nn.Sequential(begin, *fires)

    def head() -> nn.Module:
        """(b, 512, h, w) -> (b, classes)."""
        return nn.Sequential(
            nn.Dropout(0.5), convolution(widths[-1], classes, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    blocks = tuple(
        BlockSpec(
            "block{}".format(i + 1),
            lambda i=i: build(i),  # type: ignore[misc]
            shape[0] if i == 0 else widths[i],
            widths[i + 1],
            1 if i == 0 else 2,
        )
        for i in range(len(BLOCKS))
    )
    return ModelSpec("squeezenet", shape, classes, blocks, head)
