"""SplitFed v1 (Thapa et al., AAAI 2022): the device trains up to a cut layer, the edge server the rest.

Per batch the device sends smashed data and labels and receives the gradient of the smashed data. The edge server keeps
a replica per device; after the round the server averages both halves by samples, so that with the same seed the result
is FedAvg's. What travels: the device's part down and up; smashed data and gradients every batch.

Options: `cut`, the name of the last block on the device, or a mapping from each client to its own; `grain`, what a
block is (`fl_core.models.repartition`: as the architecture has it, or each unit one); `micro_batches`, into how many a
batch is cut so that the device computes the next while the last one travels (OURS). With more than one, batch norm sees
micro-batches, and the result is no longer FedAvg's.
"""

from collections import deque
from typing import Any, Deque, Dict, Mapping, Optional, Tuple

import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.backward import backward_from
from fl_core.methods.base import Answer, Batch, ClientHalf, EdgeHalf, Exchange, Method, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole
from fl_core.models.repartition import regrained
from fl_core.rounds import Now, RoundPlan, Stage, Task

OPTIONS = {"cut": "block1", "grain": "block", "micro_batches": 1}


class Server(ServerHalf):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        cut = self.options["cut"]
        for name in cut.values() if isinstance(cut, dict) else [cut]:
            check_cut(self.spec, name)
        check_count("micro_batches", self.options.get("micro_batches", 1))

    def plan(self, now: Now) -> RoundPlan:
        tasks = {client: Task(self.stage(self.cut_of(client))) for client in self.choose(now, now.clients)}
        return self.round("split", tasks, whole(self.spec))

    def stage(self, cut: str) -> Stage:
        """What lies where when the model is cut after this block."""
        device, edge = divided(self.spec, cut)
        return Stage(cut, Part(live=device), Part(live=edge, head=True))

    def cut_of(self, client: str) -> str:
        cut = self.options["cut"]
        if not isinstance(cut, dict):
            return str(cut)
        if client not in cut:
            raise BadJob("cut names no block for {}; it has {}".format(client, ", ".join(sorted(cut))))
        return str(cut[client])


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
        loss, said = self.loss(self.model(smashed), tensors["labels"], meta["share"])
        loss.backward()  # type: ignore[no-untyped-call]
        if meta["last"]:
            self.optimiser.step()
        assert smashed.grad is not None
        return Answer({"gradient": smashed.grad}, said)

    def loss(self, logits: Tensor, labels: Tensor, share: float) -> Tuple[Tensor, Dict[str, float]]:
        """This share of the batch's mean loss, and what the device hears of it."""
        loss = functional.cross_entropy(logits, labels) * share
        return loss, {"loss": float(loss.detach())}


def check_cut(spec: ModelSpec, cut: str) -> None:
    """Raises `BadJob` where the model cannot be cut there."""
    names = spec.block_names[:-1]
    if not names:
        raise BadJob("{} is one block and cannot be cut; take grain: unit".format(spec.name))
    if cut not in names:
        raise BadJob("cut {!r}: {} can be cut after {}".format(cut, spec.name, ", ".join(names)))


def check_count(option: str, value: Any) -> None:
    """Raises `BadJob` for what is not a whole number above 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadJob("{} must be a whole number above 0, not {!r}".format(option, value))


def divided(spec: ModelSpec, cut: str) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """Names of the blocks up to the cut, and behind it."""
    after = spec.block_names.index(cut) + 1
    return spec.block_names[:after], spec.block_names[after:]


METHOD = Method("split", Server, Client, Edge, OPTIONS, spec=regrained)
