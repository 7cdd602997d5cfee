"""FedAvg (McMahan et al. 2017): every client trains the whole model, the server averages by samples.

What travels: the whole model, down and up. Memory on the device: weights, gradients, momentum and the activations of
every block. It is the reference of every other method here.
"""

from typing import Optional

from torch import Tensor

from fl_core.methods.base import Exchange, Method, Stage, plain_step
from fl_core.models.blocks import BlockedModel, whole


class FedAvg(Method):
    name = "fedavg"

    def stage(self, round_index: int, rounds: int) -> Stage:
        return Stage("all", whole(self.spec))

    def step(self, model: BlockedModel, inputs: Tensor, labels: Tensor, edge: Optional[Exchange]) -> float:
        return plain_step(model, inputs, labels)
