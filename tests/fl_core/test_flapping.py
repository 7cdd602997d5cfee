"""A wire that breaks in the middle of exchanges: reports are lost, and the run is not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fl_core.edge import Edge, follow_quietly
from fl_core.job import Job
from fl_core.link import grpc_link
from fl_core.link.base import Channel
from fl_core.protocol import resolve_edge
from fl_core.rejoin import follow_until_finished
from fl_core.server import Server
from fl_core.trace import Trace
from fl_core.worker import Worker

PATIENCE_S = 20.0
INTO_THE_ROUND_S = 0.03


class Proxy:
    """Passes bytes on between its own port and another, until it is told to cut all lines; new ones are passed on."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._far = (host, int(port))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        lines, self._lines = self._lines, []
        for line in lines:
            with suppress(OSError):  # one that ended by itself
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                near = self._socket.accept()[0]
            except OSError:
                return
            far = socket.create_connection(self._far)
            self._lines += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with source:
            try:
                while data := source.recv(1 << 16):
                    target.sendall(data)
                target.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # cut


def work(name: str, server: str, data: str) -> None:
    """A worker as its program runs it."""

    def follow(channel: Channel) -> None:
        worker = Worker(name, channel, reach_edge, data, Trace())
        try:
            worker.run()
        finally:
            worker.close()

    def reach_edge(edge: str) -> Channel:
        return grpc_link.connect(resolve_edge(edge, server), PATIENCE_S)

    follow_until_finished(lambda timeout_s: grpc_link.connect(server, timeout_s), follow, PATIENCE_S, PATIENCE_S)


def test_a_link_that_flaps_during_exchanges_costs_reports_and_not_the_run(
    make_job: Callable[..., Job], digits_folder: str
) -> None:
    job = make_job("split", rounds=10, clients=["a", "b"], rehearse_batches=0, rejoin_timeout_s=PATIENCE_S)
    events: list[dict[str, Any]] = []

    def hear(event: dict[str, Any]) -> None:
        events.append(event)
        if event.get("round") in (2, 4, 7):
            threading.Timer(INTO_THE_ROUND_S, proxy.cut).start()

    server, edge = Server(job, job.load_data(digits_folder), hear), Edge()
    listener, edge_listener = (grpc_link.GrpcListener("127.0.0.1:0", each.serve) for each in (server, edge))
    proxy = Proxy(edge_listener.address)
    edge_line = grpc_link.connect(listener.address, PATIENCE_S)
    threads = [threading.Thread(target=follow_quietly, args=(edge, edge_line, f":{proxy.port}"))]
    threads += [threading.Thread(target=work, args=(name, listener.address, digits_folder)) for name in job.clients]
    for thread in threads:
        thread.start()
    server.run()
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
    edge_line.close()
    proxy.close()
    edge_listener.close()
    listener.close()
    rounds = [event for event in events if event["event"] == "round"]
    assert [each["round"] for each in rounds] == list(range(1, 11)) and rounds[-1]["reported"]
    assert sum(len(each["lost"]) for each in rounds) >= 3
