"""Replace what autograd saves in a unit's forward by something smaller; the base of every way to do so.

A tensor that several operators save gets one `Slot`, and what is made from it in backward is held from its first use
to its last.
"""

from typing import Any, Optional

import torch
from torch import Tensor, nn


class Slot:
    """What stands for a saved tensor; this one keeps it. Saved tensors come back detached: nobody asks for more, and a
    result that its own operator saves would otherwise hold itself alive."""

    __slots__ = ("tensor", "uses")

    def __init__(self, tensor: Optional[Tensor] = None) -> None:
        self.tensor = None if tensor is None else tensor.detach()
        self.uses = 0

    def make(self) -> Tensor:
        """The tensor again, where it was not kept."""
        raise NotImplementedError

    def take(self) -> Tensor:
        tensor = self.make() if self.tensor is None else self.tensor
        self.uses -= 1
        self.tensor = tensor if self.uses else None
        return tensor


class Saving:
    """Context manager for a unit's forward; subclasses say which slot a tensor gets."""

    def __init__(self, unit: nn.Module) -> None:
        self.unit = unit
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._pack, lambda slot: slot.take())

    def slot(self, tensor: Tensor) -> Slot:
        raise NotImplementedError

    def _pack(self, tensor: Tensor) -> Slot:
        slot = self.slot(tensor)
        slot.uses += 1
        return slot

    def __enter__(self) -> "Saving":
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._hooks.__exit__(*error)
