"""A small vision transformer (Dosovitskiy et al. 2020): patches of 4x4, eight encoder units in four blocks.

Tokens travel between units as maps (b, channels, rows, columns), so that the same surrogates and pooled head serve it;
it therefore averages tokens instead of carrying a class token. Sizes are OURS: the papers name no ViT that is known.
1.60 M parameters for 10 classes of 3x32x32.
"""

import math
from typing import List, Tuple

import torch
from torch import Tensor, nn

from fl_core.errors import BadJob
from fl_core.models.blocks import BlockSpec, ModelSpec, pooled_head

PATCH, CHANNELS, HEADS, BLOCKS, UNITS_PER_BLOCK, EXPANSION = 4, 128, 4, 4, 2, 4


class Patches(nn.Module):
    """Linear embedding of patches plus a learned position. (b, c, h, w) -> (b, channels, h/patch, w/patch)."""

    def __init__(self, in_channels: int, rows: int, columns: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(in_channels, CHANNELS, PATCH, stride=PATCH)
        self.position = nn.Parameter(torch.randn(1, CHANNELS, rows, columns) * 0.02)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.embed(inputs) + self.position


class Attention(nn.Module):
    """Self-attention of all tokens. (b, tokens, channels) -> the same."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(CHANNELS, 3 * CHANNELS)
        self.join = nn.Linear(CHANNELS, CHANNELS)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, _ = tokens.shape
        parts = self.project(tokens).view(batch, count, 3, HEADS, CHANNELS // HEADS)
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # each (b, heads, tokens, channels / heads)
        weights = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(CHANNELS // HEADS), dim=-1)
        return self.join((weights @ value).transpose(1, 2).reshape(batch, count, CHANNELS))


class EncoderUnit(nn.Module):
    """Pre-norm attention and perceptron, each with a shortcut. (b, channels, rows, columns) -> the same."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(CHANNELS)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(CHANNELS)
        self.perceptron = nn.Sequential(
            nn.Linear(CHANNELS, EXPANSION * CHANNELS), nn.GELU(), nn.Linear(EXPANSION * CHANNELS, CHANNELS)
        )

    def forward(self, maps: Tensor) -> Tensor:
        tokens = maps.flatten(2).transpose(1, 2)  # (b, rows * columns, channels)
        tokens = tokens + self.attention(self.norm1(tokens))
        tokens = tokens + self.perceptron(self.norm2(tokens))
        return tokens.transpose(1, 2).reshape(maps.shape)


def vit(shape: Tuple[int, int, int], classes: int) -> ModelSpec:
    channels, height, width = shape
    if height % PATCH or width % PATCH:
        raise BadJob("vit cuts images into {0}x{0} patches: {1}x{2} does not divide".format(PATCH, height, width))

    def build(index: int) -> nn.Sequential:
        begin: List[nn.Module] = [Patches(channels, height // PATCH, width // PATCH)] if index == 0 else []
        return nn.Sequential(*begin, *[EncoderUnit() for _ in range(UNITS_PER_BLOCK)])

    blocks = tuple(
        BlockSpec(
            "block{}".format(i + 1),
            lambda i=i: build(i),  # type: ignore[misc]
            channels if i == 0 else CHANNELS,
            CHANNELS,
            PATCH if i == 0 else 1,
        )
        for i in range(BLOCKS)
    )
    return ModelSpec("vit", shape, classes, blocks, lambda: pooled_head(CHANNELS, classes))
