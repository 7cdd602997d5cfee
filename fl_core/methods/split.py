"""SplitFed v1 (Thapa et al., AAAI 2022): the device trains up to a cut layer, the edge server the rest.

Per batch the device sends smashed data and labels and receives the gradient of the smashed data. The edge server keeps
a replica per device; after the round the server averages both halves by samples, so that with the same seed the result
is FedAvg's. What travels: the device's part down and up; smashed data and gradients every batch.

Options: `cut`, the name of the last block on the device; `micro_batches`, into how many a batch is cut so that the
device computes the next while the last one travels (OURS). With more than one, batch norm sees micro-batches, and the
result is no longer FedAvg's.
"""

from collections import deque
from typing import Any, Deque, Mapping, Optional

import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.backward import backward_from
from fl_core.methods.base import Answer, Batch, ClientHalf, EdgeHalf, Exchange, Method, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, Part
from fl_core.rounds import Now, RoundPlan, Stage

OPTIONS = {"cut": "block1", "micro_batches": 1}


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
        pieces = self.options["micro_batches"]
        inputs, labels = batch.inputs.chunk(pieces), batch.labels.chunk(pieces)
        under_way: Deque[Tensor] = deque()
        loss = 0.0
        for index, (some, their_labels) in enumerate(zip(inputs, labels)):
            smashed = model(some)
            share, last = len(some) / len(batch.inputs), index + 1 == len(inputs)
            edge.post({"smashed": smashed.detach(), "labels": their_labels}, share=share, last=last)
            under_way.append(smashed)
            if len(under_way) > 1:
                loss += _backward(under_way.popleft(), edge.take())
        return loss + _backward(under_way.popleft(), edge.take())


def _backward(smashed: Tensor, answer: Answer) -> float:
    """The device's half of backward; the loss."""
    backward_from(smashed, answer.tensors["gradient"])
    return float(answer.meta["loss"])


class Edge(EdgeHalf):
    def answer(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Answer:
        smashed = tensors["smashed"].requires_grad_()
        loss = functional.cross_entropy(self.model(smashed), tensors["labels"]) * meta["share"]
        loss.backward()
        if meta["last"]:
            self.optimiser.step()
        assert smashed.grad is not None
        return Answer({"gradient": smashed.grad}, {"loss": float(loss.detach())})


METHOD = Method("split", Server, Client, Edge, OPTIONS)
