"""How much a client computes in one stage: the multiply-adds of a step as its own client half does it.

Recomputed forward passes count, frozen blocks have no backward pass, narrow models have few channels. Norms and
activations are not counted (`fl_core.ledger.macs`). Needs torch >= 2.1.
"""

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.ledger.macs import MultiplyAdds
from fl_core.ledger.stage import TRACED, Step, extrapolated, plain
from fl_core.memory.backward import backward_from
from fl_core.methods.base import ClientHalf
from fl_core.models.blocks import BlockedModel, ModelSpec, whole
from fl_core.rounds import Stage


def stage_work(client: ClientHalf, stage: Stage, batch: int) -> int:
    """Multiply-adds of one step of `batch` samples on the device, forward and backward."""
    with torch.random.fork_rng(devices=[]):
        return _work(client.build(stage), batch, device_half if is_split(stage) else client.cost)


def full_work(spec: ModelSpec, batch: int) -> int:
    """The same for plain training of the whole model."""
    with torch.random.fork_rng(devices=[]):
        return _work(BlockedModel(spec, whole(spec)), batch, plain)


def is_split(stage: Stage) -> bool:
    """Whether somebody else trains a part of the model, in the middle or at its end."""
    return stage.edge is not None or not stage.device.head


def device_half(model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
    """A step of the device's half of a split: smashed data out, their gradient back. With the head on the device (a U),
    features come in and their gradient goes out in between."""
    smashed = model.beginning(inputs) if model.part.head else model(inputs)
    if model.part.head:
        features = torch.randn(len(inputs), *model.spec.feature_shape, requires_grad=True)
        functional.cross_entropy(model.head(features), labels).backward()  # type: ignore[no-untyped-call]
    backward_from(smashed, torch.ones_like(smashed))


def _work(model: BlockedModel, batch: int, step: Step) -> int:
    model.set_training()
    counted = []
    for size in TRACED:
        inputs = torch.randn(size, *model.spec.input_shape).contiguous(memory_format=torch.channels_last)
        labels = torch.arange(size) % model.spec.classes
        with MultiplyAdds() as macs:
            step(model, inputs, labels)
        model.zero_grad(set_to_none=True)
        counted.append(macs.forward + macs.backward)
    return extrapolated(counted, batch)
