"""FedProx (Li et al., MLSys 2020): FedAvg whose clients are held near the model they received.

Local loss: cross-entropy + mu/2 |w - w_received|^2. What travels is FedAvg's; the device keeps one more copy of the
weights. `mu` 0.01 is in the middle of the values that the paper tries. Only boards whose memory holds the full model
take part; with `selection: oort` it is the baseline that FedHybrid is compared with.
"""

from torch import Tensor

from fl_core.losses.proximal import proximal
from fl_core.methods.base import Batch, Method
from fl_core.methods.exclusivefl import Server
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS
from fl_core.models.blocks import BlockedModel
from fl_core.rounds import Task


class Client(Learner):
    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        self._received = [p.detach().clone() for p in model.trained_parameters()]

    def objective(self, model: BlockedModel, batch: Batch) -> Tensor:
        near = proximal(zip(model.trained_parameters(), self._received), self.options["mu"])
        return super().objective(model, batch) + near


METHOD = Method("fedprox", Server, Client, defaults={**DEFAULTS, "mu": 0.01})
