"""The FL server: event-driven rounds over any link. Nothing sleeps or polls.

Each worker has a thread that sends it one order at a time and puts the answer into one inbox; the round is a loop over
that inbox. A worker that leaves, or does not answer within the round's deadline, is dropped and the round goes on.
"""

import argparse
import json
import queue
import threading
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

import torch
from torch import Tensor

from fl_core import lifeline
from fl_core.aggregate import Update, WeightedMean
from fl_core.data.dataset import Dataset
from fl_core.errors import CoreError, LinkError, ProtocolError
from fl_core.evaluate import digest, evaluate
from fl_core.job import Job
from fl_core.link import grpc_link
from fl_core.link.base import Channel, Message
from fl_core.methods.base import Stage
from fl_core.models.blocks import BlockedModel, whole
from fl_core.protocol import VERSION
from fl_core.tensors import to_arrays

Emit = Callable[[Dict[str, Any]], None]
HELLO_TIMEOUT_S = 30.0


class NobodyLeft(CoreError):
    """No client is left to train."""


class Joined(NamedTuple):
    """A worker said hello."""


class Lost(NamedTuple):
    """A worker is gone; why."""

    reason: str


class Event(NamedTuple):
    """One entry of the server's inbox."""

    client: str
    what: Union[Joined, Lost, Message]


class Worker:
    """The server's side of one worker: its orders, and which stage's frozen tensors it already holds."""

    def __init__(self, name: str, channel: Channel) -> None:
        self.name = name
        self.channel = channel
        self.orders: "queue.Queue[Optional[Message]]" = queue.Queue()
        self.holds_stage: Optional[str] = None


class Server:
    """One job from the first hello to the last round."""

    def __init__(self, job: Job, data: Dataset, emit: Emit) -> None:
        self.job = job
        self.data = data
        self.emit = emit
        self.spec = job.build_spec(data.shape, data.classes)
        self.method = job.build_method(self.spec)
        torch.manual_seed(job.seed)
        model = BlockedModel(self.spec, whole(self.spec, surrogates=self.method.surrogates))
        self.state: Dict[str, Tensor] = {key: value.clone() for key, value in model.tensors().items()}
        self._inbox: "queue.Queue[Event]" = queue.Queue()
        self._workers: Dict[str, Worker] = {}
        self._edge: Optional[Channel] = None
        self._edge_address = ""
        self._edge_joined = threading.Event()
        self._over = threading.Event()
        self._finished = False  # all rounds done: workers are told to finish; otherwise their line is just cut
        self._joining = True

    # --- conversations, each in a thread of its own ---

    def serve(self, channel: Channel) -> None:
        """Greet a peer and serve it until it leaves or the job is over."""
        hello = channel.receive(HELLO_TIMEOUT_S).expect("hello")
        if hello.meta.get("version") != VERSION:
            channel.send(
                Message(
                    "refused", {"why": "protocol {}, the server speaks {}".format(hello.meta.get("version"), VERSION)}
                )
            )
        elif "edge" in hello.meta:
            self._serve_edge(channel, hello.meta["edge"])
        elif not self._joining and "client" in hello.meta:
            channel.send(Message("refused", {"why": "too late: the job has begun"}))
        elif hello.meta.get("client") not in self.job.clients:
            channel.send(Message("refused", {"why": "no client {!r} in this job".format(hello.meta.get("client"))}))
        else:
            self._serve_worker(channel, hello.meta["client"])

    def _serve_edge(self, channel: Channel, address: str) -> None:
        facts = {"job": self.job.to_json(), "shape": self.data.shape, "classes": self.data.classes}
        channel.send(Message("welcome", facts))
        self._edge, self._edge_address = channel, address
        self._edge_joined.set()
        self._over.wait()

    def _serve_worker(self, channel: Channel, name: str) -> None:
        worker = Worker(name, channel)
        try:
            channel.send(Message("welcome", {"job": self.job.to_json()}))
            self._workers[name] = worker
            self._inbox.put(Event(name, Joined()))
            self._obey_orders(worker)
        except LinkError as error:
            self._inbox.put(Event(name, Lost(str(error))))

    def _obey_orders(self, worker: Worker) -> None:
        while True:
            order = worker.orders.get()
            if order is None:
                if self._finished:
                    worker.channel.send(Message("finish"))
                return
            worker.channel.send(order)
            answer = worker.channel.receive(self.job.round_timeout_s).expect("update", "rehearsed")
            if answer.kind == "update":
                worker.channel.send(Message("ack"))
            self._inbox.put(Event(worker.name, answer))

    def gone(self, client: str, reason: str) -> None:
        """Told from outside that a client will not answer (its worker ended, its board is off)."""
        self._inbox.put(Event(client, Lost(reason)))

    # --- the job ---

    def run(self) -> Dict[str, Any]:
        """All rounds; returns the last facts: rounds done, digest of the parameters, final quality."""
        try:
            self._wait_for_clients()
            stage: Optional[Stage] = None
            for round_index in range(1, self.job.rounds + 1):
                before, stage = stage, self.method.stage(round_index, self.job.rounds)
                if stage.edge is not None:
                    self._begin_on_edge(round_index, stage)
                if stage != before:
                    self._everyone(round_index, stage, rehearse=True)
                self._round(round_index, stage)
            facts = {"event": "done", "rounds": self.job.rounds, "parameters_sha256": digest(self.state)}
            self._finished = True
            self.emit(facts)
            return facts
        finally:
            for worker in list(self._workers.values()):
                worker.orders.put(None)
            if self._edge is not None and self._finished:
                self._say_goodbye(self._edge)
            self._over.set()

    @staticmethod
    def _say_goodbye(channel: Channel) -> None:
        try:
            channel.send(Message("finish"))
        except LinkError:
            pass  # it left before us

    def _wait_for_clients(self) -> None:
        deadline = time.monotonic() + self.job.join_timeout_s
        waiting = set(self.job.clients)
        while waiting:
            try:
                event = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break  # those who are here go on; the rest never joined
            waiting.discard(event.client)
            if isinstance(event.what, Lost):
                self._drop(event.client, event.what.reason)
        self._joining = False
        for client in waiting:
            self._drop(client, "did not join within {:.0f} s".format(self.job.join_timeout_s))
        if self.method.stage(1, self.job.rounds).edge is not None and not self._edge_joined.wait(
            max(0.0, deadline - time.monotonic())
        ):
            raise ProtocolError("the edge server did not join within {:.0f} s".format(self.job.join_timeout_s))

    def _round(self, round_index: int, stage: Stage) -> None:
        mean = WeightedMean([client for client in self.job.clients if client in self._workers])
        losses: Dict[str, float] = {}

        def fold(client: str, answer: Optional[Message]) -> None:
            if answer is None:
                mean.drop(client)
                return
            losses[client] = answer.meta["train_loss"]
            mean.add(client, answer.meta["samples"], self._whole_update(client, answer, stage))

        started_s = time.monotonic()
        self._everyone(round_index, stage, rehearse=False, each=fold)
        if not losses:
            raise NobodyLeft("round {}: no client reported".format(round_index))
        self.state.update(mean.result())
        reported_s = time.monotonic()
        quality = evaluate(self.spec, stage.together, self.state, self.data)
        self.emit(
            {
                "event": "round",
                "round": round_index,
                "stage": stage.name,
                "reported": sorted(losses),
                "samples": mean.samples,
                "train_loss": sum(losses.values()) / len(losses),
                "accuracy": quality.accuracy if quality else None,
                "test_loss": quality.test_loss if quality else None,
                "round_s": reported_s - started_s,
                "evaluate_s": time.monotonic() - reported_s,
            }
        )

    def _everyone(
        self,
        round_index: int,
        stage: Stage,
        rehearse: bool,
        each: Callable[[str, Optional[Message]], None] = lambda client, answer: None,
    ) -> None:
        """Order every worker and hand each answer to `each` as it arrives; None for a worker that was lost."""
        waiting = set(self._workers)
        if not waiting:
            raise NobodyLeft("round {}: no client left".format(round_index))
        for name in waiting:
            self._workers[name].orders.put(self._task(self._workers[name], round_index, stage, rehearse))
        while waiting:
            event = self._inbox.get()  # bounded: every session answers or is lost within its own deadline
            if isinstance(event.what, Joined):
                continue
            if isinstance(event.what, Lost):
                self._drop(event.client, event.what.reason)
            if event.client in waiting:
                waiting.discard(event.client)
                each(event.client, event.what if isinstance(event.what, Message) else None)

    def _task(self, worker: Worker, round_index: int, stage: Stage, rehearse: bool) -> Message:
        known = worker.holds_stage == stage.name
        worker.holds_stage = stage.name
        wanted = stage.device.trained if known else stage.device.holds
        tensors = to_arrays({key: value for key, value in self.state.items() if wanted(key)})
        return Message("task", {"round": round_index, "rehearse": rehearse, "edge": self._edge_address}, tensors)

    def _drop(self, client: str, reason: str) -> None:
        if self._workers.pop(client, None) is not None or client in self.job.clients:
            self.emit({"event": "dropped", "client": client, "reason": reason})

    # --- the edge server's half of a split ---

    def _begin_on_edge(self, round_index: int, stage: Stage) -> None:
        assert stage.edge is not None and self._edge is not None
        tensors = to_arrays({key: value for key, value in self.state.items() if stage.edge.holds(key)})
        self._edge.send(Message("begin", {"round": round_index}, tensors))
        self._edge.receive(self.job.round_timeout_s).expect("ready")

    def _whole_update(self, client: str, answer: Message, stage: Stage) -> Update:
        """The client's tensors, and those its replica on the edge server learned."""
        if stage.edge is None:
            return answer.tensors
        assert self._edge is not None
        self._edge.send(Message("collect", {"client": client}))
        replica = self._edge.receive(self.job.round_timeout_s).expect("replica")
        return {**answer.tensors, **replica.tensors}


def main(arguments: Optional[List[str]] = None) -> int:
    """`python3 -m fl_core.server --job FILE --data DIR [--listen HOST:PORT]`: one job, events on stdout.

    On stdin it takes `{"gone": client, "reason": text}` for a client that will not answer.
    """
    parser = argparse.ArgumentParser(prog="fl_core.server")
    parser.add_argument("--job", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    options = parser.parse_args(arguments)
    try:
        with open(options.job) as file:
            job = Job.from_json(json.load(file))
        torch.set_num_threads(job.threads)
        server = Server(job, job.load_data(options.data), lifeline.emit)
        lifeline.hold(lambda order: server.gone(order["gone"], order["reason"]))
        listener = grpc_link.GrpcListener(options.listen, server.serve)
        splits = server.method.stage(1, job.rounds).edge is not None
        lifeline.emit({"event": "listening", "address": listener.address, "splits": splits})
        server.run()
        listener.close()
    except CoreError as error:
        lifeline.emit({"event": "failed", "reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
