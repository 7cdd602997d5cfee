"""The same exchange over raw TCP, ZeroMQ, bare gRPC, our link and our link under TLS, interleaved: time and CPU of the
near end.

`python -m benchmarks.rounds.transports CARRIER IDENTITY` is a far end: it sends back what it gets, until stdin ends.
"""

from __future__ import annotations

import importlib.util
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np

from benchmarks.rounds import bare_grpc
from fl_core.link import grpc_link
from fl_core.link.base import Channel, Message
from fl_core.link.tls import Identity, read_identity
from harness.tls import write_identity

Exchange = Callable[[np.ndarray], object]  # there and back
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one exchange, at the near end."""

    seconds: float
    cpu_s: float


# --- raw TCP: the bytes and nothing else ---


def _send(line: socket.socket, array: np.ndarray) -> None:
    line.sendall(LENGTH.pack(array.nbytes))
    line.sendall(memoryview(array).cast("B"))


def _receive(line: socket.socket) -> np.ndarray:
    (size,) = LENGTH.unpack(_exactly(line, LENGTH.size))
    return _exactly(line, size)


def _exactly(line: socket.socket, size: int) -> np.ndarray:
    buffer = np.empty(size, np.uint8)
    view, filled = memoryview(buffer), 0
    while filled < size:
        count = line.recv_into(view[filled:])
        if count == 0:
            raise ConnectionError("the other end left")
        filled += count
    return buffer


def _echo_tcp(identity: Identity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"127.0.0.1:{listener.getsockname()[1]}", flush=True)
        line, _ = listener.accept()
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            _send(line, _receive(line))


def _dial_tcp(address: str, identity: Identity) -> Exchange:
    host, _, port = address.rpartition(":")
    line = socket.create_connection((host, int(port)))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(array: np.ndarray) -> object:
        _send(line, array)
        return _receive(line)

    return exchange


# --- ZeroMQ ---


def _echo_zmq(identity: Identity) -> None:
    import zmq

    peer = zmq.Context().socket(zmq.PAIR)
    print(f"127.0.0.1:{peer.bind_to_random_port('tcp://127.0.0.1')}", flush=True)
    while True:
        peer.send(peer.recv(copy=False), copy=False)


def _dial_zmq(address: str, identity: Identity) -> Exchange:
    import zmq

    peer = zmq.Context().socket(zmq.PAIR)
    peer.setsockopt(zmq.LINGER, 0)
    peer.connect(f"tcp://{address}")

    def exchange(array: np.ndarray) -> object:
        peer.send(array, copy=False)
        return np.frombuffer(peer.recv(copy=False).buffer, np.uint8)

    return exchange


# --- ours ---


def _echo(channel: Channel) -> None:
    while True:
        channel.send(channel.receive())


def echo_link(identity: Identity | None) -> None:
    listener = grpc_link.GrpcListener("127.0.0.1:0", _echo, identity)
    print(listener.address, flush=True)
    sys.stdin.read()


def _dial_link(address: str, identity: Identity | None) -> Exchange:
    channel = grpc_link.connect(address, 10, identity)

    def exchange(array: np.ndarray) -> object:
        channel.send(Message("batch", {}, {"x": array}))
        return channel.receive()

    return exchange


CARRIERS: dict[str, tuple[Callable[[Identity], None], Callable[[str, Identity], Exchange]]] = {
    "tcp": (_echo_tcp, _dial_tcp),
    "zmq": (_echo_zmq, _dial_zmq),
    "grpc": (lambda identity: bare_grpc.echo(), lambda address, identity: bare_grpc.dial(address)),
    "link": (lambda identity: echo_link(None), lambda address, identity: _dial_link(address, None)),
    "link+tls": (echo_link, _dial_link),
}


if importlib.util.find_spec("zmq") is None:
    del CARRIERS["zmq"]


def measure(array: np.ndarray, repetitions: int) -> dict[str, list[Cost]]:
    """Carrier -> costs; one exchange over each in turn, the first two of each not counted."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_identity(folder / "run.pem", timedelta(hours=1))
        lines = {name: stack.enter_context(connected(name, folder / "run.pem")) for name in CARRIERS}
        costs: dict[str, list[Cost]] = {name: [] for name in CARRIERS}
        for _ in range(repetitions + 2):
            for name, exchange in lines.items():
                costs[name].append(_timed(exchange, array))
        return {name: each[2:] for name, each in costs.items()}


@contextmanager
def connected(carrier: str, identity: Path) -> Iterator[Exchange]:
    """An exchange over a carrier whose far end is a process of its own."""
    command = [sys.executable, "-m", "benchmarks.rounds.transports", carrier, str(identity)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as far:
        assert far.stdout is not None
        try:
            yield CARRIERS[carrier][1](far.stdout.readline().strip(), read_identity(str(identity)))
        finally:
            far.kill()


def _timed(exchange: Exchange, array: np.ndarray) -> Cost:
    before = resource.getrusage(resource.RUSAGE_SELF)
    started_s = time.perf_counter()
    exchange(array)
    seconds = time.perf_counter() - started_s
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(seconds=seconds, cpu_s=cpu_s)


if __name__ == "__main__":
    CARRIERS[sys.argv[1]][0](read_identity(sys.argv[2]))
