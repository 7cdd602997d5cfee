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
        self._velocity: Dict[int, Tensor] = {}  # by the parameter's identity

    def step(self) -> None:
        """Update everything that has a gradient, in place, and drop the gradients."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                self.update(parameter)

    @torch.no_grad()
    def update(self, parameter: Tensor) -> None:
        """The same for one parameter: what gradient release calls in the backward."""
        gradient = parameter.grad
        assert gradient is not None, "backward comes first"
        if self.weight_decay:
            gradient = gradient.add(parameter, alpha=self.weight_decay)
        if self.momentum:
            velocity = self._velocity.get(id(parameter))
            if velocity is None:
                self._velocity[id(parameter)] = velocity = gradient.clone()
            else:
                velocity.mul_(self.momentum).add_(gradient)
            gradient = velocity
        parameter.add_(gradient, alpha=-self.lr)
        parameter.grad = None
