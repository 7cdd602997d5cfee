"""Multiply-adds of convolutions and matrix products, forward and backward, as torch executes them.

One unit is one multiply-add; norms, activations and additions are not counted, as is usual. A layer whose weight and
input both need a gradient costs twice its forward in backward, one of which only either needs costs it once, a frozen
one nothing. Needs torch >= 2.1.
"""

from typing import Any, Callable, Dict, Optional, Tuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


def _product(sizes: Any) -> int:
    total = 1
    for size in sizes:
        total *= int(size)
    return total


def _convolution(args: Tuple[Any, ...], result: Tensor) -> int:
    return result.numel() * _product(args[1].shape[1:])


def _convolution_backward(args: Tuple[Any, ...], result: Any) -> int:
    wanted = args[10]  # gradients of input, weight, bias
    return (int(wanted[0]) + int(wanted[1])) * args[0].numel() * _product(args[2].shape[1:])


def _product_of(first: int) -> Callable[[Tuple[Any, ...], Tensor], int]:
    """Matrix products: every element of the result is a sum over the last dimension of the first factor."""
    return lambda args, result: result.numel() * int(args[first].shape[-1])


_aten = torch.ops.aten
COUNTED: Dict[Any, Callable[[Tuple[Any, ...], Any], int]] = {
    _aten.convolution: _convolution,
    _aten.convolution_backward: _convolution_backward,
    _aten.mm: _product_of(0),
    _aten.bmm: _product_of(0),
    _aten.addmm: _product_of(1),
}


class MultiplyAdds(TorchDispatchMode):
    """Context manager; counts every convolution and matrix product that runs inside, recomputed ones as backward."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.forward = 0
        self.backward = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """As in `TensorPeak`: skipping would import torch._dynamo."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: Optional[Dict[str, Any]] = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        rule = COUNTED.get(func.overloadpacket)
        if rule is None:
            return result
        if torch._C._current_autograd_node() is None:
            self.forward += rule(args, result)
        else:
            self.backward += rule(args, result)
        return result
