"""One job, round by round, wherever its clients run: plan, carry out, average, evaluate, learn, remember."""

import time
from typing import Any, Callable, Dict, Optional, Tuple

import torch
from torch import Tensor

from fl_core import checkpoint
from fl_core.data.dataset import Dataset
from fl_core.evaluate import digest, evaluate
from fl_core.job import Job
from fl_core.rounds import ClientFacts, Now, Outcome, RoundPlan
from fl_core.tally import Tally

Emit = Callable[[Dict[str, Any]], None]


class Coordinator:
    """`checkpoint_file` is written after every round, and gone on from where it is there."""

    def __init__(self, job: Job, data: Dataset, emit: Emit, checkpoint_file: Optional[str] = None) -> None:
        self.job = job
        self.data = data
        self.emit = emit
        self.spec = job.build_spec(data.shape, data.classes)
        self.method = job.find_method()
        self.half = self.method.server(job.setup(self.spec))
        torch.manual_seed(job.seed)
        self.state: Dict[str, Tensor] = {key: value.clone() for key, value in self.half.initial().tensors().items()}
        self.facts = {name: ClientFacts(name, **job.client_facts.get(name, {})) for name in job.clients}
        self.rounds_done = 0
        self._changed: Dict[str, int] = {}  # in which round a tensor of the state was changed last; absent: never
        self._checkpoint_file = checkpoint_file
        if checkpoint_file is not None:
            self._restore(checkpoint_file)

    def free_clients(self, round_index: int) -> Dict[str, ClientFacts]:
        """Whoever can be asked in this round, in the job's order. Raises `NobodyLeft`."""
        raise NotImplementedError

    def carry_out(self, now: Now, plan: RoundPlan) -> Tuple[Tally, Dict[str, Any]]:
        """Have the plan done: what came of it, finished, and more for the event of the round, `round_s` among it."""
        raise NotImplementedError

    def run_rounds(self) -> Dict[str, Any]:
        """Those that are left; returns the last facts: rounds done and the digest of the parameters."""
        for round_index in range(self.rounds_done + 1, self.job.rounds + 1):
            self._round(round_index)
            self._save(round_index)
        return {"event": "done", "rounds": self.job.rounds, "parameters_sha256": digest(self.state)}

    def _round(self, round_index: int) -> None:
        now = Now(round_index, self.free_clients(round_index), self.state)
        plan = self.half.plan(now)
        tally, facts = self.carry_out(now, plan)
        self.state = {**self.state, **tally.news}
        self._changed.update(dict.fromkeys(tally.news, round_index))
        self._note(tally)
        started_s = time.monotonic()
        quality = evaluate(self.half.spec, plan.path, self.state, self.data)
        accuracy = quality.accuracy if quality else None
        self.half.learn(Outcome(round_index, plan, tally.reports, tally.lost, self.state, accuracy))
        losses = [report.train_loss for report in tally.reports.values()]
        self.emit(
            {
                "event": "round",
                "round": round_index,
                "stage": plan.name,
                "notes": dict(plan.notes),
                "reported": sorted(tally.reports),
                "lost": tally.lost,
                "samples": sum(report.samples for report in tally.reports.values()),
                "train_loss": sum(losses) / len(losses) if losses else None,
                "accuracy": accuracy,
                "test_loss": quality.test_loss if quality else None,
                "evaluate_s": time.monotonic() - started_s,
                **facts,
            }
        )

    def _note(self, tally: Tally) -> None:
        """What the round taught about its clients."""
        for client, report in tally.reports.items():
            facts = self.facts[client]
            self.facts[client] = facts._replace(last=report, rounds=facts.rounds + 1)
        for client in tally.rejected:
            self.facts[client] = self.facts[client]._replace(rejected=self.facts[client].rejected + 1)

    def _restore(self, path: str) -> None:
        found = checkpoint.load(path, self.job)
        if found is not None:
            self.rounds_done = found.round_index
            self.state, self.facts = dict(found.state), dict(found.facts)
            self.half.memory, self.half.kept = dict(found.memory), dict(found.kept)
            self.emit({"event": "resumed", "rounds": found.round_index})

    def _save(self, round_index: int) -> None:
        self.rounds_done = round_index
        if self._checkpoint_file is not None:
            here = checkpoint.Checkpoint(round_index, self.state, self.half.memory, self.half.kept, self.facts)
            checkpoint.save(self._checkpoint_file, self.job, here)
