"""The FL server and the edge server of one cell. A server that dies is started again and goes on where it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness.connect.base import endpoint
from harness.core_process import CoreProcess, Event

SERVER, EDGE = "FL server", "edge server"
JOB, CHECKPOINT = "job.json", "checkpoint"  # in the cell's folder
SERVER_STARTS = 3  # of one cell (OURS): what kills a server twice will kill it again
EDGE_START_S = 60.0  # torch's import included
REJOIN_S = 30.0  # how long edge server and workers look for a server that is gone (OURS): torch's import, twice over


@dataclass(kw_only=True)
class CellPrograms:
    """`hear` takes every event, with the name of the program that it comes from."""

    folder: Path
    data: Path
    identity: Path | None  # there once boards are prepared
    host: str  # where the server listens: one address, or all
    hear: Callable[[str, Event], None]
    _port: str = "0"  # a free one, until the server has found it
    _edge_port: int | None = None
    _edge_listens: threading.Event = field(default_factory=threading.Event)
    _starts: int = 0
    _running: dict[str, CoreProcess] = field(default_factory=dict)
    _gone: dict[str, str] = field(default_factory=dict)

    def start_server(self) -> None:
        self._starts += 1
        files = ["--job", str(self.folder / JOB), "--data", str(self.data)]
        files += ["--checkpoint", str(self.folder / CHECKPOINT)]
        self._start(SERVER, "fl_core.server", *files, "--listen", endpoint(self.host, self._port))

    def found(self, address: str) -> str:
        """The server's port, from the address where it says that it listens."""
        self._port = address.rpartition(":")[2]
        return self._port

    def start_edge(self) -> None:
        host = "127.0.0.1" if self.host == "0.0.0.0" else self.host
        addresses = ["--server", endpoint(host, self._port), "--listen", endpoint(self.host, "0")]
        self._start(EDGE, "fl_core.edge", *addresses, "--rejoin-s", str(REJOIN_S))

    def edge_port(self) -> int | None:
        """Once the edge server listens; None where there is none, or it does not come to listen."""
        if EDGE in self._running:
            self._edge_listens.wait(EDGE_START_S)
        return self._edge_port

    def gone(self, board: str, reason: str) -> None:
        """Tell the server of a worker that will not answer, and any server that comes after it."""
        self._gone[board] = reason
        self._running[SERVER].order(gone=board, reason=reason)

    def revive_server(self) -> bool:
        """Start a server that has died again, to go on after its last finished round; False where that is no use."""
        if self._starts == SERVER_STARTS:
            return False
        self._running.pop(SERVER).kill()
        self.start_server()
        for board, reason in self._gone.items():
            self._running[SERVER].order(gone=board, reason=reason)
        return True

    def end(self, *, finished: bool) -> None:
        """Let programs leave that say they have finished; kill others. The checkpoint has served."""
        for program in self._running.values():
            program.end() if finished else program.kill()
        (self.folder / CHECKPOINT).unlink(missing_ok=True)

    def _start(self, who: str, module: str, *arguments: str) -> None:
        log = self.folder / f"{who.replace(' ', '_')}.log"
        words = [*arguments, "--tls", str(self.identity)]

        def take(event: Event) -> None:
            if who == EDGE and event["event"] == "listening":
                self._edge_port = int(event["address"].rpartition(":")[2])
                self._edge_listens.set()
            self.hear(who, event)

        self._running[who] = CoreProcess(module, words, log, take)
