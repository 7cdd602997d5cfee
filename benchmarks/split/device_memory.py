"""`device_memory MODEL BATCH PIECES...`: tensor peaks of a device that trains the first unit, beside full training.

For each number of micro-batches: the leanest plan's step. The edge server is a stand-in that answers with zeros, since
bytes do not depend on values; what its answer takes on the device is counted. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from torch import Tensor

from fl_core.catalogue import MODELS, resolve
from fl_core.managers.on_device import OnDevice
from fl_core.managers.remote import Ask
from fl_core.memory import budget
from fl_core.memory.optimiser import SGD
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.base import plain_step
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole
from fl_core.models.repartition import regrained

CUT = "block1"  # of the model in blocks of one unit: the first convolution with its norm and activation


def answer_zeros(labels: Tensor, share: float, last: bool) -> Ask:
    return lambda smashed: (0.0, torch.zeros_like(smashed))


def trained(spec: ModelSpec, part: Part) -> tuple[BlockedModel, SGD]:
    model = BlockedModel(spec, part)
    model.set_training()
    return model, SGD(model.trained_parameters(), lr=0.01, momentum=0.9)


def full(spec: ModelSpec, inputs: Tensor, labels: Tensor) -> int:
    """Tensor peak of a plain step, momentum there from an earlier one of two samples."""
    model, optimiser = trained(spec, whole(spec))
    plain_step(model, inputs[:2], labels[:2])
    optimiser.step()
    with TensorPeak() as meter:
        plain_step(model, inputs, labels)
        optimiser.step()
    return meter.peak_bytes


def device(spec: ModelSpec, inputs: Tensor, labels: Tensor, pieces: int) -> dict[str, Any]:
    model, optimiser = trained(spec, Part(live=(CUT,)))
    manager = OnDevice(model.live_units(), budget.smallest(), pieces)
    for _ in range(2):  # the first one profiles, and makes the momentum
        with TensorPeak() as meter:
            manager.step(inputs, labels, answer_zeros, optimiser)
            optimiser.step()
    with torch.no_grad():
        smashed = model(inputs)
    return {
        "pieces": pieces,
        "peak_bytes": meter.peak_bytes,
        "planned_bytes": manager.ways[-1].plan.peak_bytes,
        "smashed_bytes": smashed.numel() * smashed.element_size(),
    }


def main() -> None:
    name, batch, *pieces = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec = regrained(resolve("model", MODELS, name)((3, 32, 32), 10), {"grain": "unit"})
    inputs = torch.randn(int(batch), 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (int(batch),))
    found = [device(spec, inputs, labels, int(count)) for count in pieces]
    print(json.dumps({"full_bytes": full(spec, inputs, labels), "devices": found}))


if __name__ == "__main__":
    main()
