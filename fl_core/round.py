"""One round on the server, from the orders to the average: a small machine fed with events. No thread, no link.

A client is *asked*, then *announces* its report, is told to *upload* when its turn comes, and is then *folded*; or it
is *lost* on the way: gone, late, not wanted any more, or refused. Few uploads are under way at a time, so the server
holds few updates however many clients there are.
"""

import time
from collections import OrderedDict
from typing import Callable, Dict, Set

from fl_core.accounts import Account
from fl_core.aggregate import Update
from fl_core.errors import BadUpdate
from fl_core.link.base import Message
from fl_core.rounds import Report
from fl_core.sessions import Session
from fl_core.tally import Tally

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
    """Feeds a `Tally`. `collect` fetches what a client's own replica on the edge server has trained."""

    def __init__(self, tally: Tally, collect: Callable[[str], Update], edge_shared: bool) -> None:
        super().__init__()
        self.tally = tally
        self.accounts: Dict[str, Account] = {}
        self._started_s = time.monotonic()
        self._collect = collect
        self._edge_shared = edge_shared
        self._announced: "OrderedDict[str, Session]" = OrderedDict()
        self._uploading: Set[str] = set()
        self._said: Dict[str, Message] = {}

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
        return not self.deadline_s or self.tally.complete

    def close(self) -> None:
        """Wait for nobody any more."""
        for client in list(self.deadline_s):
            self.gone(client, "not waited for: {} reports were enough".format(self.tally.plan.enough))
        self.tally.lost.update(self.lost)

    def _grant(self) -> None:
        """Ask for as many updates as are wanted and may be under way at a time."""
        plan, reported = self.tally.plan, len(self.tally.reports)
        enough = len(plan.tasks) if plan.enough is None else plan.enough
        room = min(UPLOADS_AT_ONCE, enough - reported) - len(self._uploading)
        while self._announced and room > 0:
            client, session = self._announced.popitem(last=False)
            self._uploading.add(client)
            self.accounts[client].granted_s = self.age_s
            session.order(Message("upload"))
            room -= 1

    def _fold(self, client: str, update: Message) -> None:
        account, arrived_s, said = self.accounts[client], self.age_s, self._said[client].meta
        round_s = arrived_s - account.asked_s
        report = Report(said["samples"], said["train_loss"], said["facts"], said["seconds"], round_s)
        tensors: Update = update.tensors
        self._uploading.discard(client)
        del self.deadline_s[client]
        try:
            if self.tally.plan.tasks[client].stage.edge is not None and not self._edge_shared:
                tensors = {**tensors, **self._collect(client)}
            self.tally.fold(client, report, tensors)
        except BadUpdate as error:
            self.tally.reject(client, error)
            return
        account.bytes["update"] = update.wire_bytes
        account.arrived_s, account.folded_s = arrived_s, self.age_s
