"""FedAvg with activation recomputation under a budget, the memory side of SmartSplit's on-device manager
(arXiv 2410.11577).

What travels and what is learned is FedAvg's, bit for bit on one thread: units are kept, rebuilt or recomputed by the
fastest plan that fits (`fl_core.memory.plan`), from a profile of this board.

`budget_mb`: most MiB of live tensors in a step; a list has one for each step, rehearsed ones included, and its last one
stays; "available" is what the machine has left before each step, "predicted" what it is likely to have left. `share`:
of plain training's tensor peak. Neither: as little as possible. `release`: update parameters in the backward and keep
no gradients.
"""

from typing import Any, Mapping, Optional

import torch
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.planned import PlannedSteps
from fl_core.methods import fedavg
from fl_core.methods.base import Batch, ClientHalf, Exchange, Method, Setup, plain_step
from fl_core.models.blocks import BlockedModel

MIB = 1024 * 1024
FROM_MACHINE = {"available": budget.available, "predicted": budget.predicted}
DEFAULTS = {"budget_mb": None, "share": None, "release": True}


class Server(fedavg.Server):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        limit_of(setup.options)


class Client(ClientHalf):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.limit = limit_of(setup.options)
        self._model: Optional[BlockedModel] = None
        self._released: Optional[SGD] = None

    def optimiser(self, model: BlockedModel) -> SGD:
        optimiser = super().optimiser(model)
        self._released = optimiser if self.options["release"] else None
        return optimiser

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        if model is not self._model:
            self._model, self.steps = model, self.planned(model)
        self.steps.limit = self.limit
        return self.steps.step(model.frozen_prefix(batch.inputs), batch.labels, self._released)

    def cost(self, model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
        """Plain training and one more forward (OURS): which units a plan recomputes is known on the board alone."""
        with torch.no_grad():
            model(inputs)
        plain_step(model, inputs, labels)

    def planned(self, model: BlockedModel) -> PlannedSteps:
        """The steps of a new model."""
        return PlannedSteps(model.live_units(), EXACT, self.limit)


def limit_of(options: Mapping[str, Any]) -> budget.Limit:
    """The budget that the study names. Raises `BadJob`."""
    budget_mb, share = options["budget_mb"], options["share"]
    if budget_mb is not None and share is not None:
        raise BadJob("give budget_mb or share, not both")
    if share is not None:
        if not _is_positive(share):
            raise BadJob("share {!r} is not a positive number".format(share))
        return budget.share_of_plain(share)
    if budget_mb is None:
        return budget.smallest()
    if isinstance(budget_mb, str) and budget_mb in FROM_MACHINE:
        return FROM_MACHINE[budget_mb]()
    steps = budget_mb if isinstance(budget_mb, list) else [budget_mb]
    if not steps or not all(_is_positive(size) for size in steps):
        raise BadJob(
            'budget_mb {!r} is not a positive number, a list of them, "available" or "predicted"'.format(budget_mb)
        )
    return budget.script([int(size * MIB) for size in steps])


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


METHOD = Method("recompute", Server, Client, defaults=DEFAULTS)
