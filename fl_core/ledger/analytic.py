"""The first of the four memory figures: what a stage's partition implies for plain training, before anybody trains.

Held tensors, gradients, momentum, saved activations, the batch. What a method does to need less (recomputation,
release, compression) is not in it: the distance to the tensor peak shows that.
"""

from typing import Optional

from fl_core.job import Job
from fl_core.ledger.stage import plain, stage_cost
from fl_core.ledger.work import device_half, is_split
from fl_core.memory.tensors import AVAILABLE
from fl_core.models.blocks import ModelSpec
from fl_core.rounds import Stage


def analytic_bytes(job: Job, spec: ModelSpec, stage: Stage) -> Optional[int]:
    """Of the device's part. None where torch cannot trace, or the stage's model is not the spec's (`shape`)."""
    if not AVAILABLE or stage.shape:
        return None
    cost = stage_cost(spec, stage.device, job.batch, device_half if is_split(stage) else plain)
    return cost.peak_bytes if job.momentum else cost.peak_bytes - cost.trained_bytes
