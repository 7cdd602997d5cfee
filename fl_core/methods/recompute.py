"""FedAvg with activation recomputation, the memory side of SmartSplit's on-device manager (arXiv 2410.11577).

What travels and what is learned is FedAvg's, bit for bit on one thread: only inputs of segments are kept in the
forward pass, the rest is rebuilt in backward. Which segments: `fl_core.memory.recompute`, from measured bytes.
`activation_budget_mib`: most bytes of saved activations, in MiB; None = as few as segments allow.
"""

from typing import Optional

import torch.nn.functional as functional

from fl_core.memory.recompute import Plan, checkpointed, plan_segments, unit_costs
from fl_core.methods import fedavg
from fl_core.methods.base import Batch, ClientHalf, Exchange, Method
from fl_core.models.blocks import BlockedModel

MIB = 1024 * 1024


class Client(ClientHalf):
    plan: Optional[Plan] = None

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        units = model.live_units()
        if self.plan is None:
            budget_mib = self.options["activation_budget_mib"]
            budget_bytes = None if budget_mib is None else int(budget_mib * MIB)
            self.plan = plan_segments(unit_costs(units, batch.inputs, len(batch.inputs)), budget_bytes)
        loss = functional.cross_entropy(checkpointed(units, self.plan, batch.inputs), batch.labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())


METHOD = Method("recompute", fedavg.Server, Client, defaults={"activation_budget_mib": None})
