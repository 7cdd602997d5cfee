"""What a round's updates add up to: checked, seen by the method, folded in and let go. Knows neither link nor pool."""

from typing import Dict

import torch
from torch import Tensor

from fl_core.aggregate import Update, WeightedMean, check_update
from fl_core.errors import BadUpdate
from fl_core.methods.base import ServerHalf
from fl_core.rounds import Now, Report, RoundPlan


class Tally:
    """The model that the round began from is `now.state`; nothing here changes it.

    `edge_shared`: the edge's part is no client's, it is folded in once at the end.
    """

    def __init__(self, now: Now, plan: RoundPlan, method: ServerHalf, edge_shared: bool = False) -> None:
        self.now = now
        self.plan = plan
        self.reports: Dict[str, Report] = {}
        self.lost: Dict[str, str] = {}
        self.rejected: Dict[str, str] = {}
        self.news: Dict[str, Tensor] = {}  # the new values of what was trained, once finished
        self._method = method
        self._edge_shared = edge_shared
        self._mean = WeightedMean(
            {key: value.shape for key, value in now.state.items()},
            sum(facts.samples or 0 for facts in now.clients.values()),
        )

    @property
    def complete(self) -> bool:
        """Whether there are enough reports to end the round."""
        return self.plan.enough is not None and len(self.reports) >= self.plan.enough

    def fold(self, client: str, report: Report, update: Update) -> None:
        """Raises `BadUpdate`, with nothing changed, for an update that cannot be averaged."""
        task = self.plan.tasks[client]
        check_update(update, self._expected(client))
        self._method.see(client, task, update, self.now.state)
        self._mean.add(report.samples, update, {key: self._method.region(task, key) for key in update})
        self.reports[client] = report

    def reject(self, client: str, error: BadUpdate) -> None:
        self.rejected[client] = str(error)
        self.lost[client] = "rejected: {}".format(error)

    def fold_shared(self, edge: Update) -> None:
        """The edge's part where all devices shared one: it stands for all their samples."""
        self._mean.add(sum(report.samples for report in self.reports.values()), edge, {})

    def finish(self) -> None:
        """Everything is folded in: make the average. With too few reports there is none."""
        if len(self.reports) >= self.plan.minimum:
            self.news = self._mean.result(self.now.state)

    def _expected(self, client: str) -> Dict[str, torch.Size]:
        """Names and shapes of what this client was asked to train."""
        task = self.plan.tasks[client]
        parts = [task.stage.device] + ([task.stage.edge] if task.stage.edge and not self._edge_shared else [])
        expected: Dict[str, torch.Size] = {}
        for key, value in self.now.state.items():
            if any(part.trained(key) for part in parts):
                region = self._method.region(task, key)
                expected[key] = value.shape if region is None else value[region].shape
        return expected
