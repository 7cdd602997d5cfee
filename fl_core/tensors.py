"""Torch tensors as the arrays of a message, and back."""

from typing import Dict

import numpy as np
import torch
from torch import Tensor


def to_arrays(tensors: Dict[str, Tensor]) -> Dict[str, np.ndarray]:
    """Arrays that share memory with the tensors."""
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def to_tensors(arrays: Dict[str, np.ndarray]) -> Dict[str, Tensor]:
    """Tensors that share memory with the arrays; what may only be read (Ray's shared memory) is copied."""
    return {name: torch.from_numpy(array if array.flags.writeable else array.copy()) for name, array in arrays.items()}


def own_tensor(array: np.ndarray, channels_last: bool = False) -> Tensor:
    """A tensor of its own, aligned as torch aligns: kernels may round differently on unaligned memory.

    With `channels_last` it lies as (n, h, w, c). Convolutions follow the layout of their input, and oneDNN then needs
    no reordered copies of activations: measured on x86 at batch 128, that is 60 to 90 MiB less workspace in backward,
    which otherwise hides what recomputation saves, and a third to a half of the time (docs/measuring.md).
    """
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return torch.from_numpy(array).clone(memory_format=layout)


def is_channels_last(tensor: Tensor) -> bool:
    """Whether the tensor lies as (n, h, w, c), and not in the usual order as well."""
    return tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last) and not tensor.is_contiguous()
