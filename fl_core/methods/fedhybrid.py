"""FedHybrid (SenSys 2024, arXiv 2510.11400): recomputation and compression in one plan, for clients chosen by what they
teach, hold and take.

What travels is FedAvg's. What is learned is not, bit for bit: compressed activations are right on average only
(`fl_core.memory.compress`). Three parts:

- Selector (server): Util = Stat * MemStat * CompStat with an upper confidence bound (`fl_core.selection.ucb`), among
  those whose budget holds the smallest plan, not only those who hold plain training.
- Plan (device): `rule: optimum` is the exact planner over `ways`; `rule: greedy` picks by memory saved per second, as
  reviews tell of the paper's optimiser.
- Budget predictor (device): the client's budget as the job knows it, less `floor_mib`, and never more than the machine
  is likely to have left (`fl_core.memory.predict`). `budget_mb` or `share` of the study go before both.
"""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from fl_core.errors import BadJob
from fl_core.memory import budget
from fl_core.memory.greedy import RECOMPUTE, GreedyPlanner
from fl_core.memory.modes import MODES
from fl_core.memory.plan import Planner
from fl_core.memory.planned import MakePlanner, PlannedSteps
from fl_core.methods import memory_aware, recompute
from fl_core.methods.base import Batch, Exchange, Method, Setup
from fl_core.methods.learner import Learner
from fl_core.models.blocks import BlockedModel, whole
from fl_core.rounds import Now, RoundPlan, Stage, Task
from fl_core.selection.candidate import MIB, Candidate, eligible, refuse_empty

OPTIMUM, GREEDY = "optimum", "greedy"
KEEP = "keep"
WAYS = [KEEP, "rebuild", "compress", RECOMPUTE]
DEFAULTS = {**recompute.DEFAULTS, **memory_aware.DEFAULTS, "selection": "ucb", "ways": WAYS, "rule": OPTIMUM}


class Server(memory_aware.MemoryAware):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        recompute.limit_of(self.options)
        planner_of(self.options)
        if self.options["share"] is not None and KEEP not in self.options["ways"]:
            raise BadJob("share is of plain training: it needs {!r} among the ways".format(KEEP))
        self._floor_bytes = int(self.options["floor_mib"] * MIB)
        self._least_bytes: Optional[int] = None

    def plan(self, now: Now) -> RoundPlan:
        stage = Stage("all", whole(self.spec))
        chosen = self.pick(now, [_as_reported(now, candidate) for candidate in self._holding(now, stage)])
        tasks = {name: Task(stage, self._settings(now, name)) for name in chosen}
        return self.round(stage.name, tasks, stage.device)

    def _holding(self, now: Now, stage: Stage) -> List[Candidate]:
        """Those whose budget holds the smallest plan. Raises `BadJob` naming it where nobody's does."""
        from fl_core.ledger.planned import smallest_peak_bytes  # needs a newer torch than boards have

        if self._least_bytes is None:
            modes, planner, released = modes_of(self.options), planner_of(self.options), self.options["release"]
            least = smallest_peak_bytes(self.spec, stage.device, self.setup.batch, modes, planner, released)
            self._least_bytes = least + self._floor_bytes
        known = self.candidates(now)
        able = eligible(known, self._least_bytes)
        refuse_empty(able, known, self._least_bytes, "{} at batch {}".format(self.spec.name, self.setup.batch))
        return able

    def _settings(self, now: Now, client: str) -> Dict[str, Any]:
        given = now.clients[client].memory_budget_bytes
        return {} if given is None else {"budget_bytes": given - self._floor_bytes}


class Client(recompute.Client, Learner):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        named = self.options["budget_mb"] is not None or self.options["share"] is not None
        self._of_study = self.limit if named else None
        self._left = budget.predicted()

    def begin(self, model: BlockedModel, task: Task) -> None:
        super().begin(model, task)
        given = task.settings.get("budget_bytes")
        if self._of_study is None:
            self.limit = budget.smallest() if given is None else budget.capped(given, self._left)

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        loss = super().step(model, batch, edge)
        self.note(self.steps.mean_square_loss, len(batch.labels))
        return loss

    def report(self, model: BlockedModel, losses: Sequence[float]) -> Dict[str, Any]:
        facts = super().report(model, losses)
        return {**facts, "budget_bytes": self.steps.budget_bytes} if losses else facts

    def planned(self, model: BlockedModel) -> PlannedSteps:
        return PlannedSteps(model.live_units(), modes_of(self.options), self.limit, planner_of(self.options))


def _as_reported(now: Now, candidate: Candidate) -> Candidate:
    """With the budget that the board itself believed in last, where that is less than the job's. For the utility alone:
    who was short of memory once must be able to come back."""
    last = now.clients[candidate.name].last
    said = last.facts.get("budget_bytes") if last else None
    if said is None:
        return candidate
    return candidate._replace(memory_bytes=min(said, candidate.memory_bytes or said))


def modes_of(options: Mapping[str, Any]) -> Tuple[str, ...]:
    """The ways that must be measured: recomputation is made of the others."""
    return tuple(way for way in options["ways"] if way != RECOMPUTE)


def planner_of(options: Mapping[str, Any]) -> MakePlanner:
    """What the study's rule makes of a profile. Raises `BadJob`."""
    rule, ways, modes = options["rule"], options["ways"], modes_of(options)
    if not modes or not set(modes) <= set(MODES):
        raise BadJob("ways {!r} are not some of {}, and one beside {}".format(ways, [*MODES, RECOMPUTE], RECOMPUTE))
    if rule == GREEDY and ways[0] != RECOMPUTE:
        return lambda profile: GreedyPlanner(profile, ways)
    if rule == OPTIMUM and RECOMPUTE in ways:
        return lambda profile: Planner(profile, modes)
    raise BadJob(
        "rule {!r} with ways {!r}: {} needs {} among them, {} must begin with another".format(
            rule, ways, OPTIMUM, RECOMPUTE, GREEDY
        )
    )


METHOD = Method("fedhybrid", Server, Client, defaults=DEFAULTS)
