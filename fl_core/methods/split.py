"""SplitFed v1 (Thapa et al., AAAI 2022): the device trains up to a cut layer, the edge server the rest.

Per batch the device sends smashed data and labels and receives the gradient of the smashed data. The edge server keeps
a replica per device; after the round the server averages both halves by samples, so that with the same seed the result
is FedAvg's. What travels: the device's part down and up; smashed data and gradients every batch.

`cut`: name of the last block on the device.
"""

from typing import Any, Mapping, Optional

import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.backward import backward_from
from fl_core.methods.base import Answer, Batch, ClientHalf, EdgeHalf, Exchange, Method, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, Part
from fl_core.rounds import Now, RoundPlan, Stage


class Server(ServerHalf):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        names, cut = self.spec.block_names, self.options["cut"]
        if cut not in names[:-1]:
            raise BadJob("cut {!r}: {} can be cut after {}".format(cut, self.spec.name, ", ".join(names[:-1])))

    def plan(self, now: Now) -> RoundPlan:
        names = self.spec.block_names
        after = names.index(self.options["cut"]) + 1
        return self.same_for_all(now, Stage("split", Part(live=names[:after]), Part(live=names[after:], head=True)))


class Client(ClientHalf):
    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        assert edge is not None
        smashed = model(batch.inputs)
        answer = edge.ask({"smashed": smashed.detach(), "labels": batch.labels})
        backward_from(smashed, answer.tensors["gradient"])
        return float(answer.meta["loss"])


class Edge(EdgeHalf):
    def answer(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Answer:
        smashed = tensors["smashed"].requires_grad_()
        loss = functional.cross_entropy(self.model(smashed), tensors["labels"])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        assert smashed.grad is not None
        return Answer({"gradient": smashed.grad}, {"loss": float(loss.detach())})


METHOD = Method("split", Server, Client, Edge, {"cut": "block1"})
