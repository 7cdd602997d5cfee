"""The worker of a board: one process per cell, torch imported once, rounds as the server orders them.

Run as `python3 -m fl_core.worker --server HOST:PORT --client NAME --data DIR --events FILE`. It never samples itself
beyond the kernel's high-water mark: that is the agent's work, in a process of its own.
"""

import time

STARTED_S = time.monotonic()  # before the imports, which are a phase of their own

import argparse  # noqa: E402
import hashlib  # noqa: E402
import platform  # noqa: E402
import sys  # noqa: E402
import traceback  # noqa: E402
from typing import Any, Callable, Dict, List, Mapping, Optional  # noqa: E402

import torch  # noqa: E402

from fl_core import lifeline  # noqa: E402
from fl_core.client import Client, own_data  # noqa: E402
from fl_core.errors import CoreError, ProtocolError  # noqa: E402
from fl_core.exchange import packed, unpacked  # noqa: E402
from fl_core.job import Job  # noqa: E402
from fl_core.link import tls  # noqa: E402
from fl_core.link.base import Channel, Message  # noqa: E402
from fl_core.memory.process import give_back, resident_bytes  # noqa: E402
from fl_core.memory.refused import out_of_memory  # noqa: E402
from fl_core.methods.base import Answer, Exchange  # noqa: E402
from fl_core.protocol import VERSION, resolve_edge, task_from_json  # noqa: E402
from fl_core.rejoin import follow_until_finished  # noqa: E402
from fl_core.trace import Trace  # noqa: E402

CONNECT_TIMEOUT_S = 30.0
EXIT_FAILED = 1
EXIT_OUT_OF_MEMORY = 12  # ENOMEM: an allocation was refused; the kernel's killer leaves a signal instead

Connect = Callable[[str], Channel]


class EdgeLine(Exchange):
    """Batch by batch conversation with the edge server; its seconds and bytes count as exchange."""

    def __init__(self, channel: Channel, client: str, trace: Trace, encoding: str) -> None:
        self._channel = channel
        self._trace = trace
        self._encoding = encoding
        self.exchanged: Dict[str, int] = {}  # bytes of this round, by name of the tensor
        channel.send(Message("hello", {"client": client}))

    def close(self) -> None:
        self._channel.close()

    def open(self, round_index: int, rehearse: bool) -> None:
        """A fresh replica for this round."""
        self._trace.enter("exchange")
        self.exchanged = {}
        self._channel.send(Message("open", {"round": round_index, "rehearse": rehearse}))
        self._channel.receive().expect("opened")  # not before the edge server has room for us

    def let_go(self) -> None:
        """The replica of this round is not needed any more."""
        self._channel.send(Message("close"))

    def post(self, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        self._trace.enter("exchange")
        post = packed("post", tensors, meta, self._encoding)
        self._channel.send(post)
        self._count(post)
        self._trace.enter("compute")

    def take(self) -> Answer:
        self._trace.enter("exchange")
        answer = self._channel.receive().expect("answer")
        self._count(answer)
        tensors = unpacked(answer)
        self._trace.enter("compute")
        return tensors

    def _count(self, message: Message) -> None:
        self._trace.count("exchange", message.wire_bytes)
        for name, array in message.tensors.items():
            self.exchanged[name] = self.exchanged.get(name, 0) + message.bytes_of(array)


class Worker:
    """Obeys one server until it says finish."""

    def __init__(self, name: str, server: Channel, connect_edge: Connect, data_folder: str, trace: Trace) -> None:
        self.name = name
        self._server = server
        self._connect_edge = connect_edge
        self._data_folder = data_folder
        self._trace = trace
        self._edge: Optional[EdgeLine] = None

    def run(self) -> None:
        self._trace.enter("setup")
        self._server.send(Message("hello", {"version": VERSION, "client": self.name}))
        welcome = self._server.receive(CONNECT_TIMEOUT_S)
        if welcome.kind == "refused":
            raise ProtocolError("the server refused us: {}".format(welcome.meta.get("why")))
        job = Job.from_json(welcome.expect("welcome").meta["job"])
        torch.set_num_threads(job.threads)
        self._client = client = Client(job, self.name, own_data(job, self.name, job.load_data(self._data_folder)))
        self._server.send(Message("ready", {"samples": client.samples, "label_counts": client.label_counts}))
        self._trace.enter("wait")
        while True:
            message = self._server.receive().expect("task", "finish")
            if message.kind == "finish":
                return
            self._take(message)
            if message.meta["rehearse"]:
                self._rehearse(message.meta["round"])
            else:
                self._train(message.meta["round"], message.started_s)

    def close(self) -> None:
        """End both conversations."""
        if self._edge is not None:
            self._edge.close()
        self._server.close()

    def _take(self, order: Message) -> None:
        """Move the task's tensors into the model; the buffers they came in are free afterwards."""
        task = task_from_json(order.meta["task"])
        self._trace.clear()
        self._trace.round, self._trace.stage = order.meta["round"], task.stage.name
        self._trace.enter("download", at_s=order.started_s)
        self._trace.count("download", order.wire_bytes)
        self._client.receive(task, order.tensors)
        order.tensors = {}
        give_back()
        if task.stage.edge is not None and self._edge is None:
            line = self._connect_edge(order.meta["edge"])
            self._edge = EdgeLine(line, self.name, self._trace, self._client.job.wire_smashed)

    def _opened(self, round_index: int, rehearse: bool) -> Optional[EdgeLine]:
        """The line to a fresh replica, where this task has one."""
        task = self._client.task
        if self._edge is None or task is None or task.stage.edge is None:
            return None
        self._edge.open(round_index, rehearse)
        return self._edge

    def _rehearse(self, round_index: int) -> None:
        edge = self._opened(round_index, rehearse=True)
        self._trace.enter("rehearse")
        peak_tensor_bytes = self._client.rehearse(round_index, edge)
        if edge is not None:
            edge.let_go()
        self._trace.write("rehearsal", peak_tensor_bytes=peak_tensor_bytes)
        self._server.send(Message("rehearsed"))
        self._trace.enter("wait")

    def _train(self, round_index: int, started_s: float) -> None:
        trace = self._trace
        edge = self._opened(round_index, rehearse=False)
        trace.enter("compute")
        trained = self._client.train(round_index, edge)
        trace.enter("upload")
        exchanged = {} if edge is None else edge.exchanged
        self._server.send(Message("trained", {**trained._asdict(), "seconds": trace.seconds, "exchanged": exchanged}))
        if self._server.receive().expect("upload", "skip").kind == "upload":
            update = Message("update", {}, self._client.update(), self._client.job.wire_model)
            self._server.send(update)
            self._server.receive(CONNECT_TIMEOUT_S).expect("ack")
            trace.count("upload", update.wire_bytes)
        elif edge is not None:
            edge.let_go()
        trace.enter("wait")
        trace.write(
            "round",
            round_s=time.monotonic() - started_s,
            seconds=trace.seconds,
            bytes=trace.bytes,
            peak_process_bytes=trace.peak_process_bytes,
            samples=trained.samples,
            train_loss=trained.train_loss,
        )


def serve(options: argparse.Namespace, trace: Trace) -> None:
    """Obey the server until it is finished."""
    from fl_core.link import grpc_link

    def connect_server(timeout_s: float) -> Channel:
        return grpc_link.connect(options.server, timeout_s, options.tls)

    def connect_edge(edge: str) -> Channel:
        return grpc_link.connect(options.edge or resolve_edge(edge, options.server), CONNECT_TIMEOUT_S, options.tls)

    def follow(server: Channel) -> None:
        worker = Worker(options.client, server, connect_edge, options.data, trace)
        try:
            worker.run()
        finally:
            worker.close()

    def cut(reason: str) -> None:
        trace.write("cut", text=reason)

    follow_until_finished(connect_server, follow, CONNECT_TIMEOUT_S, options.rejoin_s, cut)


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="fl_core.worker")
    for option in ("--server", "--client", "--data", "--events"):
        parser.add_argument(option, required=True)
    parser.add_argument("--edge", help="address of the edge server, where it is not the one that the server says")
    parser.add_argument("--tls", type=tls.read_identity, help="file with the run's certificate and key")
    parser.add_argument("--rejoin-s", type=float, default=0.0, help="look for a lost server for this long")
    options = parser.parse_args(arguments)
    trace = Trace(options.events, STARTED_S)
    build = hashlib.sha256(torch.__config__.show().encode()).hexdigest()[:12]  # compiler, flags, libraries
    python = platform.python_version()
    trace.write("start", floor_bytes=resident_bytes(), torch=torch.__version__, torch_build=build, python=python)
    try:
        serve(options, trace)
    except CoreError as error:
        trace.write("error", kind=type(error).__name__, text=str(error))
        print("fl_core.worker: {}".format(error), file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        kind = "out_of_memory" if out_of_memory(error) else type(error).__name__
        trace.write("error", kind=kind, text=str(error)[:500])
        if kind != "out_of_memory":
            traceback.print_exc()
            return EXIT_FAILED
        print("fl_core.worker: {}".format(error), file=sys.stderr)
        return EXIT_OUT_OF_MEMORY
    trace.write("end")
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
