"""Learning from other logits: ProFL's mapping of a block to its surrogate, DepthFL's mutual distillation."""

from typing import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor


def mapping(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared error of logits (ProFL's published code)."""
    return functional.mse_loss(student, teacher)


def mutual(logits: Sequence[Tensor]) -> Tensor:
    """Mean Kullback-Leibler divergence of every exit from every other, the others held fixed (Kim et al., DepthFL,
    ICLR 2023, section 3.2). (batch, classes) each; a scalar, 0 for a single exit."""
    if len(logits) < 2:
        return logits[0].new_zeros(())
    logs = [functional.log_softmax(one, dim=1) for one in logits]
    pairs = [
        functional.kl_div(logs[i], logs[j].detach().exp(), reduction="batchmean")
        for i in range(len(logs))
        for j in range(len(logs))
        if i != j
    ]
    return torch.stack(pairs).sum() / (len(logs) - 1)
