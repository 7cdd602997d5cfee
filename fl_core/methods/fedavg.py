"""FedAvg (McMahan et al. 2017): every client trains the whole model, the server averages by samples.

What travels: the whole model, down and up. Memory on the device: weights, gradients, momentum and the activations of
every block. It is the reference of every other method here.
"""

from fl_core.methods.base import Method, ServerHalf
from fl_core.models.blocks import whole
from fl_core.rounds import Now, RoundPlan, Stage


class Server(ServerHalf):
    def plan(self, now: Now) -> RoundPlan:
        return self.same_for_all(now, Stage("all", whole(self.spec)))


METHOD = Method("fedavg", Server)
