"""SplitFed v1 (Thapa et al., AAAI 2022): the device trains up to a cut layer, the edge server the rest.

Per batch the device sends smashed data and labels and receives the gradient of the smashed data. The edge server keeps
a replica per device; after the round the server averages both halves by samples, so that with the same seed the result
is FedAvg's. What travels: the device's part down and up; smashed data and gradients every batch.
"""

from typing import Optional

from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.backward import backward_from
from fl_core.methods.base import Exchange, Method, Stage
from fl_core.models.blocks import BlockedModel, Part


class Split(Method):
    """`cut`: name of the last block on the device."""

    name = "split"
    defaults = {"cut": "block1"}

    def stage(self, round_index: int, rounds: int) -> Stage:
        names = self.spec.block_names
        cut = self.options["cut"]
        if cut not in names[:-1]:
            raise BadJob("cut {!r}: {} can be cut after {}".format(cut, self.spec.name, ", ".join(names[:-1])))
        after = names.index(cut) + 1
        return Stage("split", device=Part(live=names[:after]), edge=Part(live=names[after:], head=True))

    def step(self, model: BlockedModel, inputs: Tensor, labels: Tensor, edge: Optional[Exchange]) -> float:
        if edge is None:
            raise BadJob("split needs an edge server")
        smashed = model(inputs)
        reply = edge.gradient_of(smashed.detach(), labels)
        backward_from(smashed, reply.gradient)
        return reply.loss
