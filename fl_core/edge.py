"""The edge server of a split (the MEC side): it holds the rest of the model for devices that hold the beginning.

It joins the FL server like a worker, takes the edge's tensors at the beginning of a round, answers each device batch by
batch through the method's edge half, and hands the trained parts back one at a time. Replicas are one per device
(SplitFed v1) or one that all share (v2), as the edge half says; one is built when its device opens the round, and gone
when it is collected or its device is. A job may bound how many there are at a time: further devices wait their turn. So
they do where this machine has no memory for one more.
"""

import argparse
import threading
from typing import Dict, List, NamedTuple, Optional

import torch

from fl_core import lifeline
from fl_core.errors import CoreError, EdgeLost, LinkClosed, ProtocolError
from fl_core.exchange import packed, unpacked
from fl_core.job import Job
from fl_core.link import grpc_link, tls
from fl_core.link.base import Channel, Message
from fl_core.memory.optimiser import SGD
from fl_core.memory.process import high_water_bytes, reset_high_water
from fl_core.memory.refused import out_of_memory
from fl_core.methods.base import Answer, EdgeHalf
from fl_core.models.blocks import BlockedModel
from fl_core.protocol import VERSION
from fl_core.rejoin import follow_until_finished
from fl_core.rounds import Stage
from fl_core.tensors import to_arrays, to_tensors

JOIN_TIMEOUT_S = 60.0


class _Round(NamedTuple):
    round_index: int
    stages: Dict[str, Stage]  # by client
    begin: Message  # with the tensors that replicas begin from


class Edge:
    """All replicas of a job. `follow` runs the conversation with the FL server, `serve` those with devices."""

    def __init__(self) -> None:
        self._round: Optional[_Round] = None
        self._halves: Dict[str, EdgeHalf] = {}
        self._shared: Optional[EdgeHalf] = None
        self._room = threading.Condition()  # guards the replicas; told when one goes
        self._training = threading.Lock()  # of the one model that all share
        self._limit: Optional[int] = None
        self._most_held = 0  # replicas at a time in this round
        self._refused = 0  # times that memory for one more was refused in this round
        self._welcomed = threading.Event()

    def follow(self, server: Channel, address: str) -> None:
        """Join the FL server and obey it until it says finish."""
        server.send(Message("hello", {"version": VERSION, "edge": address}))
        welcome = server.receive(JOIN_TIMEOUT_S)
        if welcome.kind == "refused":
            raise ProtocolError("the server refused us: {}".format(welcome.meta.get("why")))
        job = Job.from_json(welcome.expect("welcome").meta["job"])
        torch.set_num_threads(job.threads)
        self._setup = job.setup(job.build_spec(tuple(welcome.meta["shape"]), welcome.meta["classes"]))
        half = job.find_method().edge
        assert half is not None, "{} does not split".format(job.method)
        self._half, self._limit = half, job.edge_replicas
        self._welcomed.set()
        while True:
            order = server.receive().expect("begin", "collect", "finish")
            if order.kind == "finish":
                return
            server.send(self._begin(order) if order.kind == "begin" else self._collect(order.meta["client"]))

    def _begin(self, order: Message) -> Message:
        stages = {client: Stage.from_json(stage) for client, stage in order.meta["stages"].items()}
        with self._room:
            self._halves.clear()
            self._shared = None
            self._round = _Round(order.meta["round"], stages, order)
            self._most_held = self._refused = 0
            self._room.notify_all()
        reset_high_water()
        return Message("ready")

    def _collect(self, client: str) -> Message:
        with self._room:
            half = self._halves.pop(client, None)
            self._room.notify_all()
        facts = {"held": self._most_held, "refused": self._refused, "peak_process_bytes": high_water_bytes()}
        if half is None:
            return Message("replica", facts)
        model = half.model
        trained = {key: value for key, value in model.tensors().items() if model.part.trained(key)}
        return Message("replica", facts, to_arrays(trained))

    def serve(self, device: Channel) -> None:
        """One device's conversation."""
        client = device.receive(JOIN_TIMEOUT_S).expect("hello").meta["client"]
        self._welcomed.wait(JOIN_TIMEOUT_S)
        try:
            while True:
                message = device.receive().expect("open", "post", "close")
                if message.kind == "open":
                    self._open(client, message)
                    device.send(Message("opened"))
                elif message.kind == "post":
                    device.send(self._answer(client, message))
                else:
                    self._let_go(client)
        finally:
            self._let_go(client)

    def _let_go(self, client: str) -> None:
        with self._room:
            self._halves.pop(client, None)
            self._room.notify_all()

    def _answer(self, client: str, post: Message) -> Message:
        half = self._halves.get(client)
        if half is None:
            raise ProtocolError("{} posted a batch outside of a round".format(client))
        asked = unpacked(post)
        if not half.shared:
            return _reply(half, asked, post.encoding)
        with self._training:
            return _reply(half, asked, post.encoding)

    def _open(self, client: str, order: Message) -> None:
        with self._room:
            while not self._admit(client, order):
                self._room.wait()
            self._most_held = max(self._most_held, len(self._halves))

    def _admit(self, client: str, order: Message) -> bool:
        """Whether the device has its half now; False where it must wait until another's goes."""
        if self._limit is not None and len(self._halves) >= self._limit and not self._half.shared:
            return False
        try:
            self._halves[client] = self._half_for(client, order)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            if not self._halves:
                raise EdgeLost("the edge server has no memory for a single replica: cut the model later")
            self._refused += 1
            return False
        return True

    def _half_for(self, client: str, order: Message) -> EdgeHalf:
        now, round_index = self._round, order.meta["round"]
        if now is None or now.round_index != round_index or client not in now.stages:
            raise ProtocolError("{} opened round {}, the edge server is not in it".format(client, round_index))
        if not self._half.shared or order.meta["rehearse"]:
            return self._replica(now, client)
        self._shared = self._shared or self._replica(now, client)
        return self._half(self._setup, self._shared.model, self._shared.optimiser)

    def _replica(self, now: _Round, client: str) -> EdgeHalf:
        """A model of its own, as the round begins, with an optimiser of its own."""
        part, setup = now.stages[client].edge, self._setup
        assert part is not None
        model = BlockedModel(setup.spec, part)
        model.load({key: value for key, value in to_tensors(now.begin.tensors).items() if part.holds(key)})
        model.set_training()
        optimiser = SGD(model.trained_parameters(), setup.learning_rate, setup.momentum, setup.weight_decay)
        return self._half(setup, model, optimiser)


def _reply(half: EdgeHalf, asked: Answer, encoding: str) -> Message:
    answer = half.answer(asked.tensors, asked.meta)
    return packed("answer", answer.tensors, answer.meta, encoding)


def follow_quietly(edge: Edge, server: Channel, address: str) -> None:
    """For threads: a server that leaves ends the edge too."""
    try:
        edge.follow(server, address)
    except LinkClosed:
        pass


def main(arguments: Optional[List[str]] = None) -> int:
    """`python3 -m fl_core.edge --server HOST:PORT [--listen HOST:PORT]`: replicas for one job.

    The server learns our port alone: workers find us on the server's host.
    """
    parser = argparse.ArgumentParser(prog="fl_core.edge")
    parser.add_argument("--server", required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--tls", type=tls.read_identity, help="file with the run's certificate and key")
    parser.add_argument("--rejoin-s", type=float, default=0.0, help="look for a lost server for this long")
    options = parser.parse_args(arguments)
    lifeline.hold()
    edge = Edge()
    try:
        listener = grpc_link.GrpcListener(options.listen, edge.serve, options.tls)
        lifeline.emit({"event": "listening", "address": listener.address})
        port = listener.address.rpartition(":")[2]
        try:
            follow_until_finished(
                lambda timeout_s: grpc_link.connect(options.server, timeout_s, options.tls),
                lambda server: edge.follow(server, ":" + port),
                JOIN_TIMEOUT_S,
                options.rejoin_s,
            )
        finally:
            listener.close()
    except CoreError as error:
        lifeline.emit({"event": "failed", "reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
