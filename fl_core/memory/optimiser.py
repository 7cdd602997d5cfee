"""SGD with momentum, without torch.optim: the first torch.optim object imports torch._dynamo and sympy, which costs
a worker about 70 MiB and a second or more (measured on x86, torch 2.13). Same arithmetic as torch.optim.SGD.
"""

from typing import Dict, Iterable, List

import torch
from torch import Tensor


class SGD:
    """v <- momentum * v + (g + weight_decay * w);  w <- w - lr * v.  Momentum is allocated at the first step."""

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self.parameters: List[Tensor] = list(parameters)
        self.lr = lr
        self.momentum = momentum
        self.weight_decay = weight_decay
        self._velocity: Dict[int, Tensor] = {}

    @torch.no_grad()
    def step(self) -> None:
        """Update in place and drop the gradients."""
        for index, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            if gradient is None:
                continue
            if self.weight_decay:
                gradient = gradient.add(parameter, alpha=self.weight_decay)
            if self.momentum:
                if index not in self._velocity:
                    self._velocity[index] = gradient.clone()
                else:
                    self._velocity[index].mul_(self.momentum).add_(gradient)
                gradient = self._velocity[index]
            parameter.add_(gradient, alpha=-self.lr)
            parameter.grad = None
