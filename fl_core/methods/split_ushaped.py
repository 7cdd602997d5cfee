"""U-shaped split learning (Vepakomma et al. 2018): labels stay on the device, and so does the head that needs them.

The edge server has the blocks behind the cut, without the head. Per batch there are two exchanges: smashed data out and
features back, then the features' gradient out and that of the smashed data back. Else as `split`: a replica per device,
both parts averaged by samples, FedAvg's result.
"""

from typing import Any, Mapping, Optional

import torch.nn.functional as functional
from torch import Tensor

from fl_core.memory.backward import backward_from
from fl_core.methods import split
from fl_core.methods.base import Answer, Batch, ClientHalf, EdgeHalf, Exchange
from fl_core.models.blocks import BlockedModel, Part
from fl_core.rounds import Stage


class Server(split.Server):
    def stage(self, cut: str) -> Stage:
        device, edge = split.divided(self.spec, cut)
        return Stage(cut, Part(live=device, head=True), Part(live=edge))


class Client(ClientHalf):
    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        assert edge is not None
        smashed = model.beginning(batch.inputs)
        features = edge.ask({"smashed": smashed.detach()}).tensors["features"].requires_grad_()
        loss = functional.cross_entropy(model.head(features), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        assert features.grad is not None
        backward_from(smashed, edge.ask({"gradient": features.grad}).tensors["gradient"])
        return float(loss.detach())


class Edge(EdgeHalf):
    def answer(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Answer:
        if "smashed" in tensors:
            self._smashed = tensors["smashed"].requires_grad_()
            self._features = self.model(self._smashed)
            return Answer({"features": self._features.detach()})
        backward_from(self._features, tensors["gradient"])
        self.optimiser.step()
        assert self._smashed.grad is not None
        return Answer({"gradient": self._smashed.grad})


OPTIONS = {name: value for name, value in split.OPTIONS.items() if name != "micro_batches"}

METHOD = split.METHOD._replace(name="split-ushaped", server=Server, client=Client, edge=Edge, defaults=OPTIONS)
