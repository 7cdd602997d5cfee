"""Training steps within a memory budget that may change from one to the next: the on-device manager's inner part.

The chain is profiled at the first batch; after that a new budget costs a walk through the planner's table, so the next
batch already keeps it. A budget counts from the beginning of a step: one that falls in its middle is met by the next.
"""

from typing import Callable, List, Optional, Sequence, Union

from torch import Tensor, nn

from fl_core.errors import BudgetTooSmall
from fl_core.memory.budget import Limit
from fl_core.memory.chain import Loss, chain
from fl_core.memory.execute import execute
from fl_core.memory.greedy import GreedyPlanner
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.profile import Profile, measure
from fl_core.memory.release import gradients_consumed
from fl_core.memory.schedule import Plan

AnyPlanner = Union[Planner, GreedyPlanner]
MakePlanner = Callable[[Profile], AnyPlanner]


class PlannedSteps:
    """`units`: of a model, in order, from input to logits. `modes`: the ways to keep a unit that plans may use.

    `planner` makes another than the exact one. `limit` may be exchanged between steps; `mean_square_loss` is over the
    samples of the last one.
    """

    def __init__(
        self,
        units: Sequence[nn.Module],
        modes: Sequence[str],
        limit: Limit,
        planner: Optional[MakePlanner] = None,
    ) -> None:
        self._units = chain(units)
        self._modes = modes
        self._planner_of = planner or (lambda profile: Planner(profile, modes))
        self.limit = limit
        self.mean_square_loss = float("nan")
        self._batch = 0  # that the profile is for; a smaller one fits where it fits
        self.budget_bytes: Optional[int] = None  # of the last step; None: as little as possible
        self.profile: Optional[Profile] = None
        self.plan: Optional[Plan] = None

    def step(self, inputs: Tensor, labels: Tensor, optimiser: Optional[SGD] = None) -> float:
        """One forward and backward; returns the loss. With an optimiser, parameters are updated in the backward and
        gradients released; without, gradients are left in the parameters. Raises `BudgetTooSmall`."""
        end = Loss(labels)
        units = [*self._units, end]
        if len(inputs) > self._batch:
            self._prepare(units, inputs, optimiser)
        assert self.profile is not None
        budget_bytes = self.limit.of(self.profile)
        if self.plan is None or budget_bytes != self.budget_bytes:
            self.plan, self.budget_bytes = self._plan(budget_bytes), budget_bytes
        loss = self._execute(units, inputs, optimiser)
        self.mean_square_loss = end.mean_square
        return loss

    def _execute(self, units: Sequence[nn.Module], inputs: Tensor, optimiser: Optional[SGD]) -> float:
        assert self.plan is not None
        if optimiser is None:
            return execute(units, self.plan.ops, inputs)
        with gradients_consumed(optimiser.parameters, optimiser.update):
            return execute(units, self.plan.ops, inputs)

    def _plan(self, budget_bytes: Optional[int]) -> Plan:
        if budget_bytes is None:
            return self._planner.smallest()
        try:
            return self._planner.plan(budget_bytes)
        except BudgetTooSmall:
            if self.limit.binding:
                raise
            return self._planner.smallest()

    def _prepare(self, units: List[nn.Module], inputs: Tensor, optimiser: Optional[SGD]) -> None:
        momentum = optimiser is None or optimiser.momentum > 0  # an optimiser that we do not see may have some
        self.profile = measure(units, inputs, self._modes, momentum)
        profile = self.profile if optimiser is None else self.profile.released()
        self._planner = self._planner_of(profile)
        self._batch, self.plan = len(inputs), None
