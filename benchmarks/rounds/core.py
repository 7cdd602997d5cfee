"""`python -m benchmarks.rounds.core server|worker ARGUMENTS`: the core's programs, with one more model.

`flat-1mb` has 262144 parameters and next to no work, so that a round over it is the engine's own cost.
"""

from __future__ import annotations

import importlib
import sys

from torch import nn

from fl_core import lifeline
from fl_core.catalogue import MODELS
from fl_core.models.blocks import BlockSpec, ModelSpec


def flat(input_shape: tuple[int, int, int], classes: int) -> ModelSpec:
    channels, height, width = input_shape
    pixels = channels * height * width
    head = nn.Sequential(nn.Flatten(), nn.Linear(pixels, classes))
    rest = 262_144 - sum(parameter.numel() for parameter in head.parameters())

    def block() -> nn.Sequential:
        unit = nn.Identity()
        unit.register_parameter("ballast", nn.Parameter(nn.init.zeros_(nn.Linear(rest, 1, bias=False).weight)))
        return nn.Sequential(unit)

    return ModelSpec(
        "flat-1mb", input_shape, classes, (BlockSpec("block1", block, channels, channels, 1),), lambda: head
    )


def main() -> int:
    MODELS["flat-1mb"] = "benchmarks.rounds.core:flat"
    return int(importlib.import_module(f"fl_core.{sys.argv[1]}").main(sys.argv[2:]))


if __name__ == "__main__":
    lifeline.leave(main())
