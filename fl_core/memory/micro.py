"""Micro-batches: gradients accumulated over slices of the batch. A reference, not a plan: it changes what is learned
wherever batch norm sees the batch, because each slice is normed by its own statistics."""

import torch.nn.functional as functional
from torch import Tensor, nn


def micro_step(model: nn.Module, inputs: Tensor, labels: Tensor, slices: int) -> float:
    """Cross-entropy of the whole batch in `slices` equal parts. Leaves gradients in `model`, returns the mean loss."""
    total = 0.0
    for part, targets in zip(inputs.chunk(slices), labels.chunk(slices)):
        loss = functional.cross_entropy(model(part), targets) * (len(part) / len(inputs))
        loss.backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach())
    return total
