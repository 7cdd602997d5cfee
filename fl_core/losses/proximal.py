"""FedProx's proximal term (Li et al., MLSys 2020, equation 2): local models are held near the received one."""

from typing import Iterable, Tuple

import torch
from torch import Tensor


def proximal(pairs: Iterable[Tuple[Tensor, Tensor]], mu: float) -> Tensor:
    """mu/2 * sum |w - w_received|^2 over (trained, received) pairs; a scalar."""
    return mu / 2 * torch.stack([((now - received) ** 2).sum() for now, received in pairs]).sum()
