"""SmartSplit (arXiv 2410.11577; TPDS 2024): split learning whose devices, cuts and recomputation follow memory.

- The central manager (`fl_core.managers.central`) chooses devices and cuts together, every `replan_rounds` rounds.
- The MEC manager (`fl_core.managers.mec`) moves cuts between these by what the edge server's losses say, and sets
  stragglers a deadline. The edge server trains its part, a replica per device (SplitFed v1).
- The on-device manager (`fl_core.managers.on_device`) keeps each batch within the budget of that moment.

Known are these roles, not the formulas: the managers' files say which choices are OURS. Each is an option that can be
turned off for an ablation: without `central` random clients train at `cut`; without `mec` cuts stay and everybody is
waited for; without `on_device` the device keeps all activations.

`budget_mb`, `share`: the device's budget in a step, as in `recompute`, one of a list for each batch. `floor_mib`: what
interpreter and torch take of a board's memory budget. `trials`: of the Bayesian optimisation; `latency_weight`,
`work_weight`, `data_weight`: of its objective. `grain`, `micro_batches`, and `cut` without `central`: as in `split`.
"""

import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.managers import mec
from fl_core.managers.bayes import TRIALS, bayesian
from fl_core.managers.central import Device, Option, Weights, decide
from fl_core.managers.cut import CutCost
from fl_core.managers.on_device import OnDevice, facts
from fl_core.managers.remote import Ask
from fl_core.managers.timing import Rates, measured, round_s, typical
from fl_core.memory.optimiser import SGD
from fl_core.methods import split
from fl_core.methods.base import Answer, Batch, Exchange, Method, Setup
from fl_core.methods.recompute import limit_of
from fl_core.models.blocks import BlockedModel, whole
from fl_core.rounds import Now, Outcome, Report, RoundPlan, Task
from fl_core.selection.candidate import MIB

DEFAULTS: Mapping[str, Any] = {
    **split.OPTIONS,
    "central": True,
    "mec": True,
    "on_device": True,
    "budget_mb": None,
    "share": None,
    "floor_mib": 0.0,
    "replan_rounds": 5,
    "trials": TRIALS,
    "latency_weight": Weights().latency,
    "work_weight": Weights().work,
    "data_weight": Weights().data,
}
UNKNOWN = Rates(1e-10, 1e-11, 1e-7, 1e-7)  # OURS, until somebody was measured: 10 and 100 GMAC/s, 10 MB/s


class Server(split.Server):
    """Remembers, by client: cuts, deadlines, importance, rates; and when the central manager decided last."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        limit_of(setup.options)
        for option in ("replan_rounds", "trials"):
            split.check_count(option, setup.options[option])
        self.memory.update(cuts={}, deadlines_s={}, importance={}, rates={}, decided=0)
        self._costs: Dict[str, CutCost] = {}

    @property
    def costs(self) -> Dict[str, CutCost]:
        """By cut, front to back."""
        if not self._costs:
            from fl_core.ledger.cuts import cut_costs  # needs a newer torch than boards have

            self._costs = {
                cost.cut: cost for cost in cut_costs(self.spec, self.setup.batch, self.options["micro_batches"])
            }
        return self._costs

    def plan(self, now: Now) -> RoundPlan:
        if not self.options["central"]:
            self._draw(now)
        elif self._is_due(now):
            self._decide(now)
        cuts = {client: self.memory["cuts"][client] for client in now.clients if client in self.memory["cuts"]}
        deadlines = self.memory["deadlines_s"]
        tasks = {client: Task(self.stage(cut), {}, deadlines.get(client)) for client, cut in cuts.items()}
        notes = {"cuts": cuts, "deadlines_s": {c: limit_s for c, limit_s in deadlines.items() if c in cuts}}
        return self.round("split", tasks, whole(self.spec))._replace(notes=notes)

    def learn(self, outcome: Outcome) -> None:
        """What the round says of each client; then the MEC manager's turn."""
        if not (self.options["central"] or self.options["mec"]):
            return
        members = {}
        for name, report in outcome.reports.items():
            cut = outcome.plan.tasks[name].stage.name
            self._note(name, cut, report)
            if name in self.memory["rates"]:
                members[name] = mec.Member(cut, report.round_s, self._seconds(Rates(*self.memory["rates"][name]), name))
        if self.options["mec"] and members:
            self.memory["cuts"].update(mec.refined(members, self.memory["importance"]))
            others = {c: limit_s for c, limit_s in self.memory["deadlines_s"].items() if c not in members}
            self.memory["deadlines_s"] = {**others, **mec.deadlines_s(members, self.memory["importance"])}

    def _is_due(self, now: Now) -> bool:
        nobody = not any(client in self.memory["cuts"] for client in now.clients)
        return nobody or now.round_index >= self.memory["decided"] + self.options["replan_rounds"]

    def _decide(self, now: Now) -> None:
        """The central manager's turn."""
        devices = [
            Device(
                name,
                mec.importance(self.memory["importance"].get(name), client.samples or 0, None),
                tuple(client.label_counts or ()),
                self._offered(name, client.samples or 0),
            )
            for name, client in now.clients.items()
        ]
        self._refuse_none([device.name for device in devices if device.options])
        cohort = None if self.setup.cohort is None else self.setup.cohort + self.setup.spare
        weights = Weights(*(self.options[name] for name in ("latency_weight", "work_weight", "data_weight")))
        search = bayesian(self.options["trials"], self.setup.seed * 1000003 + now.round_index)
        self.memory.update(cuts=decide(devices, cohort, weights, search), deadlines_s={}, decided=now.round_index)

    def _draw(self, now: Now) -> None:
        """Without it: some of those that hold the fixed cut; where the MEC manager has moved it, there."""
        able = [name for name in now.clients if self.cut_of(name) in self._held(name)]
        self._refuse_none(able)
        before = self.memory["cuts"]
        self.memory["cuts"] = {name: before.get(name, self.cut_of(name)) for name in self.choose(now, able)}

    def _note(self, name: str, cut: str, report: Report) -> None:
        known = self.memory["importance"].get(name)
        self.memory["importance"][name] = mec.importance(known, report.samples, report.facts["mean_square_loss"])
        rates = measured(report.seconds, report.facts["edge_s"], self.costs[cut])
        if rates is not None:
            self.memory["rates"][name] = list(rates)

    def _offered(self, name: str, samples: int) -> Tuple[Option, ...]:
        seconds = self._seconds(self._rates(name, samples), name)
        return tuple(Option(cut, round_s, self.costs[cut].device_macs) for cut, round_s in seconds.items())

    def _rates(self, name: str, samples: int) -> Rates:
        """Measured ones; else what is typical of those that were measured."""
        known = self.memory["rates"]
        if name in known:
            return Rates(*known[name])
        if known:
            return typical([Rates(*rates) for rates in known.values()])
        return UNKNOWN.scaled(samples / self.setup.batch)

    def _seconds(self, rates: Rates, name: str) -> Dict[str, float]:
        """Predicted round at each cut that the client's budget holds."""
        return {cut: round_s(rates, self.costs[cut]) for cut in self._held(name)}

    def _held(self, name: str) -> List[str]:
        """Cuts whose device part the client's budget holds, front to back."""
        budget = self.setup.budgets_bytes.get(name)
        if budget is None:
            return list(self.spec.block_names[:-1])
        left = budget - self.options["floor_mib"] * MIB
        return [cut for cut, cost in self.costs.items() if self._need_bytes(cost) <= left]

    def _need_bytes(self, cost: CutCost) -> int:
        return cost.least_bytes if self.options["on_device"] else cost.plain_bytes

    def _refuse_none(self, able: Sequence[str]) -> None:
        if not able:
            least = min(self._need_bytes(cost) for cost in self.costs.values()) / MIB
            raise BadJob(
                "no client's budget holds its part of {} at batch {}: the smallest part needs {:.1f} MiB beside "
                "floor_mib: give a board that much, or take smaller batches or grain: unit".format(
                    self.spec.name, self.setup.batch, least
                )
            )


class Client(split.Client):
    """The on-device manager's batches, or plain ones; either way it reports what the managers decide from."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._limit = limit_of(setup.options)
        self._model: Optional[BlockedModel] = None

    def optimiser(self, model: BlockedModel) -> SGD:
        self._optimiser = super().optimiser(model)
        return self._optimiser

    def begin(self, model: BlockedModel, task: Task) -> None:
        self._heard: List[Mapping[str, Any]] = []
        if model is not self._model:
            self._model = model
            self._manager = OnDevice(model.live_units(), self._limit, self.options["micro_batches"])
        self._before = self._manager.ways[-1] if self._manager.ways else None
        self._manager.ways = []

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        assert edge is not None
        line = _Listening(edge, self._heard)
        if not self.options["on_device"]:
            return super().step(model, batch, line)

        def ask(labels: Tensor, share: float, last: bool) -> Ask:
            def question(smashed: Tensor) -> Tuple[float, Tensor]:
                answer = line.ask({"smashed": smashed, "labels": labels}, share=share, last=last)
                return float(answer.meta["loss"]), answer.tensors["gradient"]

            return question

        return self._manager.step(batch.inputs, batch.labels, ask, self._optimiser)

    def report(self, model: BlockedModel, losses: Sequence[float]) -> Dict[str, Any]:
        squares = sum(meta["square_loss"] for meta in self._heard)
        seen = {"mean_square_loss": squares / len(losses), "edge_s": sum(meta["edge_s"] for meta in self._heard)}
        return {**seen, **(facts(self._manager.ways, self._before) if self._manager.ways else {})}


class _Listening(Exchange):
    """A line that remembers what the edge server said beside its tensors."""

    def __init__(self, line: Exchange, heard: List[Mapping[str, Any]]) -> None:
        self._line = line
        self._heard = heard

    def post(self, tensors: Mapping[str, Tensor], **meta: Any) -> None:
        self._line.post(tensors, **meta)

    def take(self) -> Answer:
        answer = self._line.take()
        self._heard.append(answer.meta)
        return answer


class Edge(split.Edge):
    """Also says what the managers want to know: its own seconds, and this share of the batch's mean squared loss."""

    def answer(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Answer:
        started_s = time.perf_counter()
        answer = super().answer(tensors, meta)
        return Answer(answer.tensors, {**answer.meta, "edge_s": time.perf_counter() - started_s})

    def loss(self, logits: Tensor, labels: Tensor, share: float) -> Tuple[Tensor, Dict[str, float]]:
        with torch.no_grad():
            each = functional.cross_entropy(logits, labels, reduction="none")
        mean, said = super().loss(logits, labels, share)
        return mean, {**said, "square_loss": float((each**2).mean()) * share}


METHOD = Method("smartsplit", Server, Client, Edge, defaults=DEFAULTS, wants_labels=True, spec=split.METHOD.spec)
