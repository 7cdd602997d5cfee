"""Gradient release: a parameter is updated as soon as its gradient is there, so gradients never live side by side.

Same arithmetic as a step after the backward; what it takes away is everything that needs all gradients at once
(clipping by the global norm, accumulating micro-batches). Lv et al., "Full parameter fine-tuning for large language
models with limited resources" (LOMO, arXiv 2306.09782), fuse update and backward in this way.
"""

from contextlib import contextmanager
from typing import Any, Callable, Iterator, Sequence

import torch
from torch import Tensor


@contextmanager
def gradients_consumed(parameters: Sequence[Tensor], consume: Callable[[Tensor], None]) -> Iterator[None]:
    """Within it, `consume(parameter)` is called in the backward when `parameter.grad` is complete; it must drop it.

    By a hook on autograd's accumulator, which torch 1.10 has too; the accumulators live as long as the context.
    """
    hooks = []
    accumulators = []
    for parameter in parameters:
        with torch.enable_grad():
            node: Any = parameter.view_as(parameter).grad_fn
        accumulator = node.next_functions[0][0]
        accumulators.append(accumulator)
        hooks.append(accumulator.register_hook(lambda *_, parameter=parameter: consume(parameter)))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
