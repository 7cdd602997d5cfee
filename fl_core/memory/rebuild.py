"""Rebuild batch norm and activation in backward from the convolution's output, instead of keeping their outputs.

Between two convolutions autograd keeps the first one's output (for batch norm) and the activation's output (for the
second); with ReLU6 the norm's output as well. Only the first is needed: the others follow from it by cheap operations.
In-place activated batch norm (Rota Bulo et al., CVPR 2018) inverts the activation instead; rebuilding gives the same
bits and takes ReLU.
"""

from functools import partial
from typing import Any, Callable, Dict, List, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.chain import NORM, norm_statistics_kept
from fl_core.memory.saving import Saving, Slot

Activation = Callable[[Tensor], Tensor]


def _activation(node: Any) -> Activation:
    """The activation of an autograd node, in place; KeyError where it is none that we rebuild."""
    name = type(node).__name__
    if name == "HardtanhBackward0":
        low, high = node._saved_min_val, node._saved_max_val
        return lambda tensor: tensor.clamp_(low, high)
    return {"ReluBackward0": torch.relu_}[name]


class _FromNorm(Slot):
    """Norm and activation of `hidden`."""

    __slots__ = ("activation", "hidden", "norm")

    def __init__(self, norm: nn.Module, hidden: Tensor) -> None:
        super().__init__()
        self.norm = norm
        self.hidden = hidden
        self.activation: Activation = lambda tensor: tensor

    def make(self) -> Tensor:
        with torch.no_grad(), norm_statistics_kept(self.norm):
            return self.activation(self.norm(self.hidden))


class Rebuilt(Saving):
    """The unit needs no change: its norms and what follows them are found in autograd's graph."""

    def __init__(self, unit: nn.Module) -> None:
        super().__init__(unit)
        self._watches: List[Any] = []
        self._from_norm: Dict[Any, Callable[[], _FromNorm]] = {}  # by the norm's node in the graph
        self._by_node: Dict[Any, Slot] = {}
        self._by_place: Dict[Tuple[Any, ...], Slot] = {}  # these keep their tensors, so a place is not taken twice

    def __enter__(self) -> "Rebuilt":
        norms = [module for module in self.unit.modules() if isinstance(module, NORM)]
        self._watches = [norm.register_forward_hook(self._ran) for norm in norms]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        for watch in self._watches:
            watch.remove()
        for known in (self._from_norm, self._by_node, self._by_place):
            known.clear()

    def _ran(self, module: nn.Module, inputs: Tuple[Tensor, ...], output: Tensor) -> None:
        if output.grad_fn is not None:  # a frozen norm on an input without gradient is in no graph
            self._from_norm[output.grad_fn] = partial(_FromNorm, module, inputs[0].detach())

    def slot(self, tensor: Tensor) -> Slot:
        node = tensor.grad_fn
        if node in self._by_node:
            return self._by_node[node]
        if node in self._from_norm:
            return self._by_node.setdefault(node, self._from_norm[node]())
        before = node.next_functions[0][0] if node is not None and node.next_functions else None
        if before in self._from_norm:
            try:
                return self._activated(node, before, _activation(node))
            except KeyError:
                pass
        place = (tensor.data_ptr(), tensor.shape, tensor.stride())
        return self._by_place.setdefault(place, Slot(tensor))

    def _activated(self, node: Any, norm: Any, activation: Activation) -> Slot:
        """ReLU6 has saved its input, the norm's output, already: its own output serves it as well, as both lie
        outside the bounds or inside together. One slot then does for both."""
        slot = self._by_node.pop(norm, None)
        if not (isinstance(slot, _FromNorm) and slot.uses == 1 and type(node).__name__ == "HardtanhBackward0"):
            slot = self._from_norm[norm]()
        slot.activation = activation
        self._by_node[node] = slot
        return slot
