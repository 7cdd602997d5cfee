"""The edge server of a split (the MEC side): one replica of the rest of the model per device (SplitFed v1).

It joins the FL server like a worker, takes the edge's part at the beginning of a round, trains each device's replica
batch by batch, and hands the replicas back one at a time.
"""

import argparse
import threading
from typing import Dict, List, Optional, Tuple

import torch
import torch.nn.functional as functional

from fl_core import lifeline
from fl_core.errors import CoreError, LinkClosed, ProtocolError
from fl_core.job import Job
from fl_core.link import grpc_link
from fl_core.link.base import Channel, Message
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import Stage
from fl_core.models.blocks import BlockedModel
from fl_core.protocol import VERSION
from fl_core.tensors import own_tensor, to_arrays, to_tensors

JOIN_TIMEOUT_S = 60.0


class Replica:
    """The edge's part of the model for one device, with its own optimiser: nothing is shared between devices."""

    def __init__(self, job: Job, model: BlockedModel) -> None:
        self.model = model
        model.set_training()
        self.optimiser = SGD(model.trained_parameters(), job.learning_rate, job.momentum, job.weight_decay)

    def learn(self, message: Message) -> Message:
        """One batch: smashed data and labels in, loss and gradient of the smashed data out."""
        smashed = own_tensor(message.tensors["data"], message.meta["channels_last"]).requires_grad_()
        labels = own_tensor(message.tensors["labels"])
        loss = functional.cross_entropy(self.model(smashed), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        assert smashed.grad is not None
        return Message("gradient", {"loss": float(loss.detach())}, {"gradient": smashed.grad.numpy()})


class Edge:
    """All replicas of a job. `follow` runs the conversation with the FL server, `serve` those with devices."""

    def __init__(self) -> None:
        self._job: Optional[Job] = None
        self._round: Optional[Tuple[int, Stage, Message]] = None
        self._replicas: Dict[str, Replica] = {}
        self._welcomed = threading.Event()

    def follow(self, server: Channel, address: str) -> None:
        """Join the FL server and obey it until it says finish."""
        server.send(Message("hello", {"version": VERSION, "edge": address}))
        welcome = server.receive(JOIN_TIMEOUT_S).expect("welcome")
        self._job = Job.from_json(welcome.meta["job"])
        torch.set_num_threads(self._job.threads)
        self._spec = self._job.build_spec(tuple(welcome.meta["shape"]), welcome.meta["classes"])
        self._method = self._job.build_method(self._spec)
        self._welcomed.set()
        while True:
            order = server.receive().expect("begin", "collect", "finish")
            if order.kind == "finish":
                return
            server.send(self._begin(order) if order.kind == "begin" else self._collect(order.meta["client"]))

    def _begin(self, order: Message) -> Message:
        assert self._job is not None
        round_index = order.meta["round"]
        self._replicas.clear()
        self._round = (round_index, self._method.stage(round_index, self._job.rounds), order)
        return Message("ready")

    def _collect(self, client: str) -> Message:
        replica = self._replicas.pop(client)
        return Message("replica", {}, to_arrays(replica.model.tensors()))

    def serve(self, device: Channel) -> None:
        """One device's conversation."""
        client = device.receive(JOIN_TIMEOUT_S).expect("hello").meta["client"]
        self._welcomed.wait(JOIN_TIMEOUT_S)
        while True:
            message = device.receive().expect("open", "smashed")
            if message.kind == "open":
                self._replicas[client] = self._new_replica(message.meta["round"])
                device.send(Message("opened"))
            else:
                device.send(self._replicas[client].learn(message))

    def _new_replica(self, round_index: int) -> Replica:
        if self._job is None or self._round is None or self._round[0] != round_index:
            raise ProtocolError("a device opened round {}, the edge server is not in it".format(round_index))
        _, stage, begin = self._round
        assert stage.edge is not None
        model = BlockedModel(self._spec, stage.edge)
        model.load(to_tensors(begin.tensors))
        return Replica(self._job, model)


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
    options = parser.parse_args(arguments)
    lifeline.hold()
    edge = Edge()
    try:
        listener = grpc_link.GrpcListener(options.listen, edge.serve)
        port = listener.address.rpartition(":")[2]
        server = grpc_link.connect(options.server, JOIN_TIMEOUT_S)
        try:
            edge.follow(server, ":" + port)
        finally:
            server.close()
            listener.close()
    except CoreError as error:
        lifeline.emit({"event": "failed", "reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
