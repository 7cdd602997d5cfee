"""SmartSplit's on-device manager: each batch in the fastest way that the budget of this moment allows.

The paper (arXiv 2410.11577) says what it watches, memory and loss, and that recomputation is chosen by cost; the rest
is OURS. The device's part is a chain that ends with the edge server (`Remote`), planned by `fl_core.memory.plan`. Where
no plan fits, the batch is cut into twice as many micro-batches; the edge server adds up their gradients and steps once.
Batch norm then sees micro-batches. The budget is read once a batch: one that falls in its middle is met by the next.
"""

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence

from torch import Tensor, nn

from fl_core.errors import BudgetTooSmall
from fl_core.managers.remote import Ask, Remote, stand_in
from fl_core.memory.budget import Limit
from fl_core.memory.chain import chain
from fl_core.memory.execute import execute
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.plan import Planner
from fl_core.memory.profile import Profile, measure
from fl_core.memory.release import gradients_consumed
from fl_core.memory.schedule import Plan

LEAST_SAMPLES = 2  # of a micro-batch: batch norm needs more than one
MIB = 2**20


class Way(NamedTuple):
    """How one batch is worked through."""

    pieces: int  # micro-batches
    plan: Plan  # of each; its peak includes the batch and the gradients that pile up


class OnDevice:
    """`units`: of the device's part. `least_pieces`: micro-batches where memory does not ask for more."""

    def __init__(self, units: Sequence[nn.Module], limit: Limit, least_pieces: int = 1) -> None:
        self._units = chain(units)
        self._limit = limit
        self._least_pieces = least_pieces
        self._planners: Dict[int, Planner] = {}  # by pieces
        self._samples = 0  # of the batch that they are for; a smaller one fits where it fits
        self.ways: List[Way] = []  # one a batch

    def step(self, inputs: Tensor, labels: Tensor, ask: Callable[[Tensor, float, bool], Ask], optimiser: SGD) -> float:
        """Forward and backward of a batch; gradients that are not used up already are left in the parameters.

        `ask(labels, share, last)` makes the question for one micro-batch, `share` of the batch. Returns the loss.
        Raises `BudgetTooSmall` naming the smallest budget that works.
        """
        way = self._way(inputs, optimiser)
        self.ways.append(way)
        some, theirs = inputs.chunk(way.pieces), labels.chunk(way.pieces)
        released = optimiser.parameters if way.pieces == 1 else []
        loss = 0.0
        with gradients_consumed(released, optimiser.update):
            for index, (piece, targets) in enumerate(zip(some, theirs)):
                question = ask(targets, len(piece) / len(inputs), index + 1 == len(some))
                loss += execute([*self._units, Remote(question)], way.plan.ops, piece)
        return loss

    def _way(self, inputs: Tensor, optimiser: SGD) -> Way:
        """The fewest micro-batches for which there is a plan, and the fastest one."""
        if len(inputs) > self._samples:
            self._samples = len(inputs)
            self._planners.clear()
        budget_bytes = self._limit.of(self._planner(self._least_pieces, inputs, optimiser).profile)
        if budget_bytes is None:
            return Way(self._least_pieces, self._planners[self._least_pieces].smallest())
        pieces = self._least_pieces
        while True:
            planner = self._planner(pieces, inputs, optimiser)
            try:
                return Way(pieces, planner.plan(budget_bytes))
            except BudgetTooSmall:
                if self._samples < 2 * pieces * LEAST_SAMPLES:
                    return self._leanest(pieces, budget_bytes)
            pieces *= 2

    def _leanest(self, pieces: int, budget_bytes: int) -> Way:
        """Nothing fits: an error where the budget binds."""
        smallest = self._planners[pieces].smallest()
        if self._limit.binding:
            raise BudgetTooSmall(
                "no plan for the device's part fits {:.2f} MiB, the smallest that works is {:.2f} MiB in {} "
                "micro-batches: cut the model earlier".format(budget_bytes / MIB, smallest.peak_bytes / MIB, pieces)
            )
        return Way(pieces, smallest)

    def _planner(self, pieces: int, inputs: Tensor, optimiser: SGD) -> Planner:
        if pieces not in self._planners:
            profile = self._profile(inputs.chunk(pieces)[0], inputs, pieces > 1, optimiser.momentum > 0)
            self._planners[pieces] = Planner(profile, EXACT)
        return self._planners[pieces]

    def _profile(self, piece: Tensor, inputs: Tensor, piling_up: bool, momentum: bool) -> Profile:
        rest_bytes = (inputs.numel() - piece.numel()) * inputs.element_size()
        return of_piece(measure([*self._units, stand_in()], piece, EXACT, momentum), rest_bytes, piling_up)


def of_piece(profile: Profile, rest_bytes: int, piling_up: bool) -> Profile:
    """Of a micro-batch: the rest of its batch is there too, and gradients, which pile up where there are several."""
    if piling_up:
        rest_bytes += sum(unit.gradient_bytes for unit in profile.units)
    released = profile.released()
    return released._replace(static_bytes=released.static_bytes + rest_bytes)


def facts(ways: Sequence[Way], since: Optional[Way]) -> Dict[str, int]:
    """What the manager did in a round: for the report. `since`: the way before it."""
    before = [since, *ways]
    return {
        "planned_peak_bytes": max(way.plan.peak_bytes for way in ways),
        "most_micro_batches": max(way.pieces for way in ways),
        "changes": sum(a is not None and a != b for a, b in zip(before, ways)),
    }
