"""What all programs of this area share: a model, a batch, an optimiser; a fresh process with the worker's allocator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fl_core.catalogue import MODELS, resolve
from fl_core.memory.optimiser import SGD
from fl_core.models.blocks import BlockedModel, whole
from harness.board.board import ALLOCATORS


class Training:
    """One model on random images of CIFAR's shape, one thread, as a worker trains it."""

    def __init__(self, model: str, batch: int) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(0)
        spec = resolve("model", MODELS, model)((3, 32, 32), 10)
        self.model = BlockedModel(spec, whole(spec))
        self.model.set_training()
        self.inputs: Tensor = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        self.labels: Tensor = torch.randint(0, 10, (batch,))
        self.optimiser = SGD(self.model.trained_parameters(), lr=0.01, momentum=0.9)


def run(program: str, arguments: Sequence[object]) -> Any:
    """`python -m benchmarks.split.<program>` in a fresh process; what it prints as JSON."""
    command = [sys.executable, "-m", f"benchmarks.split.{program}", *(str(argument) for argument in arguments)]
    environment = {**os.environ, **ALLOCATORS["fixed"]}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
