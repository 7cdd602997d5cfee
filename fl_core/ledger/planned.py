"""What training by a recompute plan needs at least, before anybody trains: tensor bytes, exact."""

from typing import Sequence

import torch

from fl_core.memory.chain import Loss, chain
from fl_core.memory.planned import MakePlanner
from fl_core.memory.profile import measure
from fl_core.models.blocks import BlockedModel, ModelSpec, Part


def smallest_peak_bytes(
    spec: ModelSpec, part: Part, batch: int, modes: Sequence[str], planner: MakePlanner, released: bool
) -> int:
    """The tensor peak of the smallest plan, with momentum. Raises `NeedsNewerTorch` where the meter cannot run."""
    with torch.random.fork_rng(devices=[]):
        model = BlockedModel(spec, part)
        model.set_training()
        inputs = torch.randn(batch, *spec.input_shape).contiguous(memory_format=torch.channels_last)
        units = [*chain(model.live_units()), Loss(torch.zeros(batch, dtype=torch.int64))]
        profile = measure(units, inputs, modes, repeats=0)
    return planner(profile.released() if released else profile).smallest().peak_bytes
