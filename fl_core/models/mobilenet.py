"""MobileNetV2 in its CIFAR shape (Sandler et al. 2018; stride 1 in the stem and the first two stages): four blocks.

2.24 M parameters for 10 classes; blocks end where the resolution falls (32, 16, 8, 4).
"""

from typing import List, Tuple

from torch import Tensor, nn

from fl_core.models.blocks import BlockSpec, ModelSpec, pooled_head, scaled

STEM, LAST = 32, 1280
# per block: rows of (expansion, channels, repeats, stride of the first), Table 2 of the paper with CIFAR strides
BLOCKS = (
    ((1, 16, 1, 1), (6, 24, 2, 1)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> List[nn.Module]:
    """Convolution and norm, keeping the size but for the stride."""
    layer = nn.Conv2d(in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(out_channels)]


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; the shortcut joins equal shapes. (b, in, h, w) -> (b, out, h/s, w/s)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        layers: List[nn.Module] = [] if expansion == 1 else [*conv(in_channels, hidden, 1), nn.ReLU6()]
        layers += [*conv(hidden, hidden, 3, stride, groups=hidden), nn.ReLU6(), *conv(hidden, out_channels, 1)]
        self.layers = nn.Sequential(*layers)
        self.joins = stride == 1 and in_channels == out_channels

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.layers(inputs)
        return inputs + outputs if self.joins else outputs


def mobilenetv2(input_shape: Tuple[int, int, int], classes: int, width: float = 1.0) -> ModelSpec:
    stem, last = scaled(STEM, width), scaled(LAST, width)

    def build(index: int) -> nn.Sequential:
        units: List[nn.Module] = []
        channels = widths[index]
        if index == 0:
            units.append(nn.Sequential(*conv(input_shape[0], stem, 3), nn.ReLU6()))
            channels = stem
        for expansion, full_channels, repeats, stride in BLOCKS[index]:
            out_channels = scaled(full_channels, width)
            for repeat in range(repeats):
                units.append(InvertedResidual(channels, out_channels, stride if repeat == 0 else 1, expansion))
                channels = out_channels
        if index == len(BLOCKS) - 1:
            units.append(nn.Sequential(*conv(channels, last, 1), nn.ReLU6()))
        return nn.Sequential(*units)

    widths = (input_shape[0], *(scaled(rows[-1][1], width) for rows in BLOCKS[:-1]), last)
    blocks = tuple(
        BlockSpec(
            "block{}".format(i + 1),
            lambda i=i: build(i),  # type: ignore[misc]
            widths[i],
            widths[i + 1],
            BLOCKS[i][0][3],
        )
        for i in range(len(BLOCKS))
    )
    return ModelSpec("mobilenetv2", input_shape, classes, blocks, lambda: pooled_head(last, classes))
