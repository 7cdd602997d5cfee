"""What all programs of this area share: a model, a batch, an optimiser; a fresh process with the worker's allocator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fl_core.catalogue import MODELS, resolve
from fl_core.memory.optimiser import SGD
from fl_core.models.blocks import BlockedModel, BlockSpec, ModelSpec, whole
from fl_core.models.cnn import conv_unit, pooled_head
from harness.board.board import ALLOCATORS


class Training:
    """One model on random images of CIFAR's shape, one thread, as a worker trains it."""

    def __init__(self, model: str, batch: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        spec = _vgg16_bn() if model == "vgg16-bn" else resolve("model", MODELS, model)((3, 32, 32), 10)
        self.model = BlockedModel(spec, whole(spec))
        self.model.set_training()
        self.inputs: Tensor = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        self.labels: Tensor = torch.randint(0, 10, (batch,))
        self.optimiser = SGD(self.model.trained_parameters(), lr=0.01, momentum=0.9)


def _vgg16_bn() -> ModelSpec:
    """Configuration D of Simonyan & Zisserman 2014 with batch norm and a linear head, one block per resolution."""
    blocks, channels = [], 3
    for widths in ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3):

        def build(first: int = channels, widths: tuple[int, ...] = widths) -> nn.Sequential:
            convolutions = [conv_unit(a, b, 1) for a, b in zip((first, *widths), widths, strict=False)]
            return nn.Sequential(*convolutions, nn.MaxPool2d(2))

        blocks.append(BlockSpec(f"block{len(blocks) + 1}", build, channels, widths[-1], 2))
        channels = widths[-1]
    return ModelSpec("vgg16-bn", (3, 32, 32), 10, tuple(blocks), lambda: pooled_head(512, 10))


def run(program: str, arguments: Sequence[object]) -> Any:
    """`python -m benchmarks.split.<program>` in a fresh process; what it prints as JSON."""
    command = [sys.executable, "-m", f"benchmarks.split.{program}", *(str(argument) for argument in arguments)]
    environment = {**os.environ, **ALLOCATORS["fixed"]}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
