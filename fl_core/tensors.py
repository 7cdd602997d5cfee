"""Torch tensors as the arrays of a message, and back."""

from typing import Dict

import numpy as np
import torch
from torch import Tensor


def to_arrays(tensors: Dict[str, Tensor]) -> Dict[str, np.ndarray]:
    """Arrays that share memory with the tensors."""
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def to_tensors(arrays: Dict[str, np.ndarray]) -> Dict[str, Tensor]:
    """Tensors that share memory with the arrays."""
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def own_tensor(array: np.ndarray) -> Tensor:
    """A tensor of its own, aligned as torch aligns: kernels may round differently on unaligned memory."""
    return torch.from_numpy(array).clone()
