"""The first of the four memory figures: what a stage's partition implies for plain training, before anybody trains.

Held tensors, gradients, momentum, saved activations, the batch. What a method does to need less (recomputation,
release, compression) is not in it: the distance to the tensor peak shows that.
"""

from typing import Optional

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.job import Job
from fl_core.ledger.stage import plain, stage_cost
from fl_core.memory.backward import backward_from
from fl_core.memory.tensors import AVAILABLE
from fl_core.models.blocks import BlockedModel, ModelSpec
from fl_core.rounds import Stage


def analytic_bytes(job: Job, spec: ModelSpec, stage: Stage) -> Optional[int]:
    """Of the device's part. None where torch cannot trace, or the stage's model is not the spec's (`shape`)."""
    if not AVAILABLE or stage.shape:
        return None
    split = stage.edge is not None or not stage.device.head
    cost = stage_cost(spec, stage.device, job.batch, device_half if split else plain)
    return cost.peak_bytes if job.momentum else cost.peak_bytes - cost.trained_bytes


def device_half(model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
    """A step of the device's half of a split: smashed data out, their gradient back. With the head on the device (a U),
    features come in and their gradient goes out in between."""
    smashed = model.beginning(inputs) if model.part.head else model(inputs)
    if model.part.head:
        features = torch.randn(len(inputs), *model.spec.feature_shape, requires_grad=True)
        functional.cross_entropy(model.head(features), labels).backward()  # type: ignore[no-untyped-call]
    backward_from(smashed, torch.ones_like(smashed))
