"""FedAvg with activation recomputation, the memory side of SmartSplit's on-device manager (arXiv 2410.11577).

What travels and what is learned is FedAvg's, bit for bit on one thread: only inputs of segments are kept in the
forward pass, the rest is rebuilt in backward. Which segments: `fl_core.memory.recompute`, from measured bytes.
"""

from typing import Optional

import torch.nn.functional as functional
from torch import Tensor

from fl_core.memory.recompute import Plan, checkpointed, plan_segments, unit_costs
from fl_core.methods.base import Exchange, Method, Stage
from fl_core.models.blocks import BlockedModel, whole

MIB = 1024 * 1024


class Recompute(Method):
    """`activation_budget_mib`: most bytes of saved activations, in MiB; None = as few as segments allow."""

    name = "recompute"
    defaults = {"activation_budget_mib": None}
    plan: Optional[Plan] = None

    def stage(self, round_index: int, rounds: int) -> Stage:
        return Stage("all", whole(self.spec))

    def step(self, model: BlockedModel, inputs: Tensor, labels: Tensor, edge: Optional[Exchange]) -> float:
        units = model.live_units()
        if self.plan is None:
            budget_mib = self.options["activation_budget_mib"]
            budget_bytes = None if budget_mib is None else int(budget_mib * MIB)
            self.plan = plan_segments(unit_costs(units, inputs, len(inputs)), budget_bytes)
        loss = functional.cross_entropy(checkpointed(units, self.plan, inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())
