"""Keep activations on disk: what POET (Patil et al., ICML 2022) calls paging, as a reference.

Files lie in the system's folder for temporary files. Where that is a memory file system nothing is gained, and in a
cgroup the page cache is charged too, though it can be taken back.
"""

import tempfile
from typing import Any, Dict

import torch
from torch import Tensor, nn

from fl_core.memory.saving import Saving, Slot


class Filed(Slot):
    """One tensor in a nameless file that ends with this object."""

    __slots__ = ("file", "shape", "strides")

    def __init__(self, tensor: Tensor) -> None:
        super().__init__()
        self.shape, self.strides = tensor.shape, tensor.stride()
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - open until the tensor is read back
        _flat(tensor.detach()).numpy().tofile(self.file)

    def make(self) -> Tensor:
        with self.file:
            self.file.seek(0)
            flat = torch.empty(self.shape.numel())  # by torch, so that meters see it
            self.file.readinto(flat.numpy().data)
        return flat.as_strided(self.shape, self.strides)


class Paged(Saving):
    """Activations made within the unit go to disk; its input, weights and indices stay."""

    def __init__(self, unit: nn.Module) -> None:
        super().__init__(unit)
        self._slots: Dict[Any, Slot] = {}

    def slot(self, tensor: Tensor) -> Slot:
        if tensor.grad_fn is None or tensor.dtype != torch.float32 or not _is_dense(tensor):
            return Slot(tensor)
        key = (tensor.grad_fn, tensor.shape)
        if key not in self._slots:
            self._slots[key] = Filed(tensor)
        return self._slots[key]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._slots.clear()


def _is_dense(tensor: Tensor) -> bool:
    return tensor.is_contiguous() or (tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last))


def _flat(tensor: Tensor) -> Tensor:
    """All elements in the order they lie in memory."""
    return tensor.as_strided((tensor.numel(),), (1,), tensor.storage_offset())
