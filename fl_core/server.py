"""The FL server: event-driven rounds over any link. Nothing sleeps or polls.

Workers' answers meet in one inbox, and the job is a loop over it. A worker that leaves or is late costs its report, not
the round; one that comes back joins the next round.
"""

import argparse
import json
import queue
import threading
import time
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

import torch
from torch import Tensor

from fl_core import lifeline
from fl_core.aggregate import Update
from fl_core.coordinator import Coordinator, Emit
from fl_core.data.dataset import Dataset
from fl_core.errors import BadUpdate, CoreError, EdgeLost, LinkError, NobodyLeft
from fl_core.job import Job
from fl_core.ledger.analytic import analytic_bytes
from fl_core.link import grpc_link, tls
from fl_core.link.base import Channel, Message
from fl_core.protocol import VERSION, task_to_json, version_mismatch
from fl_core.round import Round, Waiting
from fl_core.rounds import ClientFacts, Now, RoundPlan, Stage, Task
from fl_core.sessions import Event, Joined, Lost, Session
from fl_core.tally import Tally
from fl_core.tensors import to_arrays

HELLO_TIMEOUT_S = 30.0


class Server(Coordinator):
    """Clients are workers at the other end of a link."""

    def __init__(self, job: Job, data: Dataset, emit: Emit, checkpoint_file: Optional[str] = None) -> None:
        super().__init__(job, data, emit, checkpoint_file)
        self._inbox: "queue.Queue[Event]" = queue.Queue()
        self._sessions: Dict[str, Session] = {}
        self._reckoned: Set[str] = set()  # names of stages
        self._gone: Dict[str, str] = {}  # why; whoever has not come back since
        self._ended: Set[str] = set()  # of those, who will not come back: told from outside
        self._edge: Optional[Channel] = None
        self._edge_address = ""
        self._edge_facts: Dict[str, Any] = {}  # replicas held at a time and the process peak, of the present round
        self._edge_joined = threading.Event()
        self._over = threading.Event()

    # --- conversations, each in a thread of its own ---

    def serve(self, channel: Channel) -> None:
        """Greet a peer and serve it until it leaves or the job is over."""
        hello = channel.receive(HELLO_TIMEOUT_S).expect("hello")
        refusal = self._objection(hello)
        if refusal is not None:
            channel.send(Message("refused", {"why": refusal}))
        elif "edge" in hello.meta:
            self._serve_edge(channel, hello.meta["edge"])
        else:
            channel.send(Message("welcome", {"job": self.job.to_json()}))
            Session(hello.meta["client"], channel, self._inbox).listen()

    def _objection(self, hello: Message) -> Optional[str]:
        if hello.meta.get("version") != VERSION:
            return version_mismatch(hello.meta.get("version"))
        if "edge" not in hello.meta and hello.meta.get("client") not in self.job.clients:
            return "no client {!r} in this job".format(hello.meta.get("client"))
        return None

    def _serve_edge(self, channel: Channel, address: str) -> None:
        facts = {"job": self.job.to_json(), "shape": self.data.shape, "classes": self.data.classes}
        channel.send(Message("welcome", facts))
        self._edge, self._edge_address = channel, address
        self._edge_joined.set()
        self._over.wait()

    def gone(self, client: str, reason: str) -> None:
        """Told from outside that a client will not answer (its worker ended, its board is off)."""
        self._inbox.put(Event(client, None, Lost(reason)))

    # --- the job ---

    def run(self) -> Dict[str, Any]:
        """All rounds; returns the last facts: rounds done and the digest of the parameters."""
        last_words = None  # a job that fails just cuts the lines
        try:
            over = self.rounds_done >= self.job.rounds
            if not over:
                self._wait_for_clients()
            facts = self.run_rounds()
            last_words = Message("finish")
            self.emit(facts)
            if over:  # a server before us died with its last words unsaid
                self._await_joins(time.monotonic() + self.job.rejoin_timeout_s)
            return facts
        finally:
            for session in list(self._sessions.values()):
                session.end(last_words)
            if self._edge is not None and last_words is not None:
                _say(self._edge, last_words)
            self._over.set()

    def _wait_for_clients(self) -> None:
        """Until all have joined or are known not to come, or the time for it is over."""
        deadline_s = time.monotonic() + self.job.join_timeout_s
        self._await_joins(deadline_s)
        for client in self.job.clients:
            if client not in self._sessions and client not in self._gone:
                self._drop(client, "did not join within {:.0f} s".format(self.job.join_timeout_s))
        if self.method.edge is not None and not self._edge_joined.wait(max(0.0, deadline_s - time.monotonic())):
            raise EdgeLost("the edge server did not join within {:.0f} s".format(self.job.join_timeout_s))

    def _await_joins(self, deadline_s: float) -> None:
        while len(self._sessions) + len(self._gone) < len(self.job.clients):
            if not self._take_next(deadline_s - time.monotonic()):
                return

    def _take_next(self, timeout_s: float, waiting: Optional[Waiting] = None) -> bool:
        """Act on the next event; False when none came in time."""
        try:
            event = self._inbox.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return False
        waiting = waiting or Waiting()
        session = self._sessions.get(event.client)
        if isinstance(event.what, Joined):
            assert event.session is not None
            self._join(event.session, event.what.ready, waiting)
        elif isinstance(event.what, Lost):
            if event.session is None:
                self._ended.add(event.client)
            if event.session in (session, None):
                self._lose(event.client, event.what.reason, waiting)
        elif session is not None and event.session is session:
            waiting.hear(session, event.what)
        return True

    def _join(self, session: Session, ready: Message, waiting: Waiting) -> None:
        if session.client in self._sessions:
            self._lose(session.client, "it joined again", waiting)
        self._sessions[session.client] = session
        self._gone.pop(session.client, None)
        self._ended.discard(session.client)
        self.facts[session.client] = self.facts[session.client]._replace(
            samples=ready.meta["samples"], label_counts=ready.meta["label_counts"]
        )

    def _lose(self, client: str, reason: str, waiting: Waiting) -> None:
        session = self._sessions.pop(client, None)
        if session is not None:
            session.end()
        waiting.gone(client, reason)
        if session is not None or client not in self._gone:
            self._drop(client, reason)

    def _drop(self, client: str, reason: str) -> None:
        self._gone[client] = reason
        self.emit({"event": "dropped", "client": client, "reason": reason})

    # --- one round ---

    def carry_out(self, now: Now, plan: RoundPlan) -> Tuple[Tally, Dict[str, Any]]:
        split = {client: task for client, task in plan.tasks.items() if task.stage.edge is not None}
        if split:
            self._begin_on_edge(now.round_index, split)
        self._rehearse(now.round_index, plan)
        shared = self.method.edge is not None and self.method.edge.shared
        tally = Tally(now, plan, self.half, shared)
        round_ = Round(tally, self._collect, shared)
        self._conduct(now.round_index, plan, round_, rehearse=False)
        round_.close()
        summed_s = round_.age_s
        if split and shared and tally.reports:
            tally.fold_shared(self._collect(next(iter(tally.reports))))
        tally.finish()
        end_s = round_.age_s
        accounts = {client: account.to_json(summed_s, end_s) for client, account in round_.accounts.items()}
        return tally, {"clients": accounts, "edge": self._edge_facts or None, "round_s": end_s}

    def free_clients(self, round_index: int) -> Dict[str, ClientFacts]:
        """Whoever can be asked, in the job's order; waits for one where there is none that might yet come. Raises
        `NobodyLeft`."""
        deadline_s = time.monotonic() + self.job.rejoin_timeout_s
        while True:
            free = [c for c in self.job.clients if c in self._sessions and not self._sessions[c].busy]
            if free:
                return {client: self.facts[client] for client in free}
            if self._sessions:
                wait_s = self.job.round_timeout_s
            else:
                wait_s = 0.0 if self._ended.issuperset(self.job.clients) else deadline_s - time.monotonic()
            if not self._take_next(wait_s):
                raise NobodyLeft("round {}: no client left".format(round_index))

    def _rehearse(self, round_index: int, plan: RoundPlan) -> None:
        """Before a client's first round of a stage; with all of them at once, so that nobody's round is disturbed."""
        new = {c: task for c, task in plan.tasks.items() if task.stage.name not in self._sessions[c].rehearsed}
        if self.job.rehearse_batches and new:
            self._conduct(round_index, plan._replace(tasks=new), Waiting(), rehearse=True)
            self._reckon(task.stage for task in new.values())

    def _reckon(self, stages: Iterable[Stage]) -> None:
        """What each new stage needs by arithmetic; between rehearsal and round, when no board is being measured."""
        for stage in stages:
            if stage.name not in self._reckoned:
                self._reckoned.add(stage.name)
                needed = analytic_bytes(self.job, self.half.spec, stage)
                self.emit({"event": "reckoned", "stage": stage.name, "analytic_bytes": needed})

    def _conduct(self, round_index: int, plan: RoundPlan, waiting: Waiting, rehearse: bool) -> None:
        """Give everyone the order and take events until all have answered or are given up."""
        for client, task in plan.tasks.items():
            session = self._sessions.get(client)
            if session is None or session.busy:
                waiting.lost[client] = self._gone.get(client, "late: still busy with its rehearsal")
                continue
            session.rehearsed.add(task.stage.name)
            order = self._order(session, round_index, task, rehearse)
            waiting.ask(session, order, task.deadline_s or self.job.round_timeout_s)
        while not waiting.over:
            self._take_next(waiting.patience_s, waiting)
            waiting.expire()

    def _order(self, session: Session, round_index: int, task: Task, rehearse: bool) -> Message:
        """The task with its tensors: trained ones always, frozen ones where the worker's are not the present ones."""
        device = task.stage.device
        if session.stage != task.stage:
            session.stage, session.held = task.stage, {}
        tensors: Dict[str, Tensor] = {}
        for key, value in self.state.items():
            changed = self._changed.get(key, 0)
            if device.trained(key) or (device.holds(key) and session.held.get(key) != changed):
                region = self.half.region(task, key)
                tensors[key] = value if region is None else value[region].contiguous()
                session.held[key] = changed
        meta = {
            "round": round_index,
            "task": task_to_json(task),
            "rehearse": rehearse,
            "edge": self._edge_address,
        }
        return Message("task", meta, to_arrays(tensors), self.job.wire_model)

    # --- the edge server's half of a split ---

    def _begin_on_edge(self, round_index: int, tasks: Dict[str, Task]) -> None:
        stages = {client: task.stage for client, task in tasks.items()}
        parts = [stage.edge for stage in stages.values() if stage.edge is not None]
        tensors = {key: value for key, value in self.state.items() if any(part.holds(key) for part in parts)}
        meta = {"round": round_index, "stages": {client: stage.to_json() for client, stage in stages.items()}}
        self._ask_edge(Message("begin", meta, to_arrays(tensors)), "ready")

    def _collect(self, client: str) -> Update:
        """What the client's replica on the edge server has trained."""
        replica = self._ask_edge(Message("collect", {"client": client}), "replica")
        self._edge_facts = replica.meta
        if not replica.tensors:
            raise BadUpdate("its replica on the edge server is gone")
        return replica.tensors

    def _ask_edge(self, order: Message, answer: str) -> Message:
        assert self._edge is not None
        try:
            self._edge.send(order)
            return self._edge.receive(self.job.round_timeout_s).expect(answer)
        except LinkError as error:
            raise EdgeLost("the edge server is lost: {}".format(error))


def _say(channel: Channel, last_words: Message) -> None:
    try:
        channel.send(last_words)
    except LinkError:
        pass  # it left before us


def main(arguments: Optional[List[str]] = None) -> int:
    """`python3 -m fl_core.server --job FILE --data DIR [--listen HOST:PORT] ...`: one job, events on stdout.

    On stdin it takes `{"gone": client, "reason": text}` for a client that will not answer.
    """
    parser = argparse.ArgumentParser(prog="fl_core.server")
    parser.add_argument("--job", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--tls", type=tls.read_identity, help="file with the run's certificate and key")
    parser.add_argument("--checkpoint", help="file to write after each round, and to go on from")
    options = parser.parse_args(arguments)
    try:
        with open(options.job) as file:
            job = Job.from_json(json.load(file))
        torch.set_num_threads(job.threads)
        server = Server(job, job.load_data(options.data), lifeline.emit, options.checkpoint)
        lifeline.hold(lambda order: server.gone(order["gone"], order["reason"]))
        listener = grpc_link.GrpcListener(options.listen, server.serve, options.tls)
        splits = server.method.edge is not None
        lifeline.emit({"event": "listening", "address": listener.address, "splits": splits})
        server.run()
        listener.close()
    except CoreError as error:
        lifeline.emit({"event": "failed", "reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
