"""One round on the server, from the orders to the average: a small machine fed with events. No thread, no link.

A client is *asked*, then *announces* its report, is told to *upload* when its turn comes, and is then *folded*; or it
is *lost* on the way: gone, late, not wanted any more, or refused. Few uploads are under way at a time, so the server
holds few updates however many clients there are.
"""

import time
from collections import OrderedDict
from typing import Callable, Dict, Set

import torch
from torch import Tensor

from fl_core.accounts import Account
from fl_core.aggregate import Update, WeightedMean, check_update
from fl_core.errors import BadUpdate
from fl_core.link.base import Message
from fl_core.methods.base import ServerHalf
from fl_core.rounds import Now, Report, RoundPlan
from fl_core.sessions import Session

UPLOADS_AT_ONCE = 2  # one is folded while the next arrives


class Waiting:
    """Clients that were asked for something, each with a deadline. By itself: for a rehearsal."""

    def __init__(self) -> None:
        self.asked_s: Dict[str, float] = {}
        self.lost: Dict[str, str] = {}
        self.deadline_s: Dict[str, float] = {}  # of those who have not answered

    def ask(self, session: Session, order: Message, deadline_s: float) -> None:
        """Give the order; the client has `deadline_s` seconds for it."""
        session.busy = True
        session.order(order)
        self.asked_s[session.client] = time.monotonic()
        self.deadline_s[session.client] = self.asked_s[session.client] + deadline_s

    def hear(self, session: Session, said: Message) -> None:
        """An answer. One that nobody waits for any more is let go."""
        session.busy = False
        self.deadline_s.pop(session.client, None)
        if said.kind == "trained":  # of a round that is over
            session.order(Message("skip"))

    def gone(self, client: str, reason: str) -> None:
        """This client will not answer; nobody waits for it."""
        if client in self.deadline_s:
            del self.deadline_s[client]
            self.lost[client] = reason

    def expire(self) -> None:
        """Give up whoever is beyond its deadline."""
        now_s = time.monotonic()
        for client in [client for client, deadline_s in self.deadline_s.items() if deadline_s <= now_s]:
            self.gone(client, "late: nothing after {:.1f} s".format(now_s - self.asked_s[client]))

    @property
    def over(self) -> bool:
        return not self.deadline_s

    @property
    def patience_s(self) -> float:
        """Until the next deadline."""
        return max(0.0, min(self.deadline_s.values()) - time.monotonic())


class Round(Waiting):
    """The model that it began from is `now.state`; nothing here changes it.

    `collect` fetches what a client's replica on the edge server has trained. It is not asked where devices share one:
    that is folded in once, at the end.
    """

    def __init__(
        self,
        now: Now,
        plan: RoundPlan,
        method: ServerHalf,
        collect: Callable[[str], Update],
        edge_shared: bool = False,
    ) -> None:
        super().__init__()
        self.now = now
        self.plan = plan
        self.reports: Dict[str, Report] = {}
        self.rejected: Dict[str, str] = {}
        self.accounts: Dict[str, Account] = {}
        self._started_s = time.monotonic()
        self._method = method
        self._collect = collect
        self._edge_shared = edge_shared
        self._announced: "OrderedDict[str, Session]" = OrderedDict()
        self._uploading: Set[str] = set()
        self._said: Dict[str, Message] = {}
        self._mean = WeightedMean(
            {key: value.shape for key, value in now.state.items()},
            sum(facts.samples or 0 for facts in now.clients.values()),
        )

    def ask(self, session: Session, order: Message, deadline_s: float) -> None:
        super().ask(session, order, deadline_s)
        self.accounts[session.client] = Account(self.age_s, order.wire_bytes)

    def hear(self, session: Session, said: Message) -> None:
        client = session.client
        if said.kind == "trained" and client in self.deadline_s:
            self._said[client] = said
            self._announced[client] = session
            account = self.accounts[client]
            account.announced_s, account.worker_s = self.age_s, said.meta["seconds"]
            account.bytes.update(said.meta["exchanged"])
        elif said.kind == "update" and client in self._uploading:
            session.busy = False
            self._fold(client, said)
        else:
            super().hear(session, said)
        self._grant()

    def gone(self, client: str, reason: str) -> None:
        super().gone(client, reason)
        self._uploading.discard(client)
        if client in self._announced:
            super().hear(self._announced.pop(client), self._said[client])

    @property
    def age_s(self) -> float:
        """Since the round began."""
        return time.monotonic() - self._started_s

    @property
    def over(self) -> bool:
        return not self.deadline_s or (self.plan.enough is not None and len(self.reports) >= self.plan.enough)

    def fold_shared(self, edge: Update) -> None:
        """The edge's part where all devices shared one: it stands for all their samples."""
        self._mean.add(sum(report.samples for report in self.reports.values()), edge, {})

    def close(self) -> None:
        """Wait for nobody any more."""
        for client in list(self.deadline_s):
            self.gone(client, "not waited for: {} reports were enough".format(self.plan.enough))

    def finish(self) -> Dict[str, Tensor]:
        """The new values of what was trained; none where there were too few reports."""
        if len(self.reports) < self.plan.minimum:
            return {}
        return self._mean.result(self.now.state)

    def _grant(self) -> None:
        """Ask for as many updates as are wanted and may be under way at a time."""
        enough = len(self.plan.tasks) if self.plan.enough is None else self.plan.enough
        room = min(UPLOADS_AT_ONCE, enough - len(self.reports)) - len(self._uploading)
        while self._announced and room > 0:
            client, session = self._announced.popitem(last=False)
            self._uploading.add(client)
            self.accounts[client].granted_s = self.age_s
            session.order(Message("upload"))
            room -= 1

    def _fold(self, client: str, update: Message) -> None:
        account, arrived_s = self.accounts[client], self.age_s
        task, said = self.plan.tasks[client], self._said[client].meta
        tensors: Update = update.tensors
        try:
            if task.stage.edge is not None and not self._edge_shared:
                tensors = {**tensors, **self._collect(client)}
            self._check(client, tensors)
        except BadUpdate as error:
            self.rejected[client] = str(error)
            self.gone(client, "rejected: {}".format(error))
            return
        self._method.see(client, task, tensors, self.now.state)
        self._mean.add(said["samples"], tensors, {key: self._method.region(task, key) for key in tensors})
        self.reports[client] = Report(
            said["samples"], said["train_loss"], said["facts"], said["seconds"], arrived_s - account.asked_s
        )
        del self.deadline_s[client]
        self._uploading.discard(client)
        account.bytes["update"] = update.wire_bytes
        account.arrived_s, account.folded_s = arrived_s, self.age_s

    def _check(self, client: str, tensors: Update) -> None:
        task = self.plan.tasks[client]
        parts = [task.stage.device] + ([task.stage.edge] if task.stage.edge and not self._edge_shared else [])
        expected: Dict[str, torch.Size] = {}
        for key, value in self.now.state.items():
            if any(part.trained(key) for part in parts):
                region = self._method.region(task, key)
                expected[key] = value.shape if region is None else value[region].shape
        check_update(tensors, expected)
