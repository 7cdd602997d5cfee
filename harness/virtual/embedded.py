"""Boards made of folders and processes, each with an SSH server on loopback: the whole pipeline on any Linux machine.

with EmbeddedRack(inventory.boards, state_dir) as rack:
    boards = rack.resolve(boards)  # from here on nobody can tell that they are virtual
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import harness
from harness.errors import FedRackError
from harness.inventory import BoardSpec

_START_S = 30.0
_END_S = 10.0


class EmbeddedRack:
    """Serves the boards that say `virtual: embedded`, from a process of its own, for as long as the `with` lasts.

    A board's folder, host key and files stay in `state_dir`, so that a second run finds them as a real board would be.
    """

    def __init__(self, boards: Sequence[BoardSpec], state_dir: Path) -> None:
        self._boards = tuple(board for board in boards if board.virtual == "embedded")
        self._state_dir = Path(state_dir).absolute()
        self._log = self._state_dir / "serve.log"
        self._server: subprocess.Popen[bytes] | None = None
        self._served: dict[str, Any] = {}  # board -> {"port", "host_key"}

    def __enter__(self) -> Self:
        if not self._boards:
            return self
        if not sys.platform.startswith("linux"):
            remedy = "run FedRack on Linux (a virtual machine or WSL 2 will do), or use an inventory of real boards"
            raise FedRackError(f"embedded virtual boards need Linux, and this is {sys.platform}", remedy=remedy)
        self._state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds the rack's login key
        try:
            self._served = self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def resolve(self, boards: Sequence[BoardSpec]) -> tuple[BoardSpec, ...]:
        """The same boards, with the address and the keys of those that this rack serves filled in."""
        return tuple(self._resolved(board) if board.name in self._served else board for board in boards)

    def _resolved(self, board: BoardSpec) -> BoardSpec:
        served = self._served[board.name]
        return replace(
            board,
            host="127.0.0.1",
            port=served["port"],
            user="fedrack",
            key_file=str(self._state_dir / "login_key"),
            host_key=served["host_key"],
            known_hosts=None,
            server_address="127.0.0.1",
        )

    def _start(self) -> dict[str, Any]:
        """Starts the server and waits for its one line, which says where each board is."""
        request = {"state_dir": str(self._state_dir), "boards": [board.name for board in self._boards]}
        here = str(Path(harness.__file__).parents[1])
        path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
        with self._log.open("wb") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "harness.virtual.serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the controller, which then ends its boards in order
            )
        assert self._server.stdin is not None and self._server.stdout is not None
        with suppress(BrokenPipeError):  # it died at once: the missing answer tells
            self._server.stdin.write(json.dumps(request).encode() + b"\n")
            self._server.stdin.flush()  # and it stays open: its end tells the server that we are gone
        end_s = time.monotonic() + _START_S
        ready, _, _ = select.select([self._server.stdout], [], [], end_s - time.monotonic())
        answer = self._server.stdout.readline() if ready else b""
        if not answer.endswith(b"\n"):
            raise self._start_failed()
        served: dict[str, Any] = json.loads(answer)
        return served

    def _start_failed(self) -> FedRackError:
        assert self._server is not None
        try:
            what = f"ended at once (exit code {self._server.wait(timeout=1)})"
        except subprocess.TimeoutExpired:
            what = f"said nothing for {_START_S:g} s"
        tail = self._log.read_text(errors="replace").strip().splitlines()[-10:]
        message = "\n".join([f"the server of the embedded boards {what}", *(f"  {line}" for line in tail)])
        return FedRackError(message, remedy=f"see {self._log}")

    def _stop(self) -> None:
        """Closes the server's life line, and waits until it has ended everything that it started."""
        server, self._server, self._served = self._server, None, {}
        if server is None:
            return
        assert server.stdin is not None and server.stdout is not None
        with suppress(BrokenPipeError):
            server.stdin.close()
        try:
            server.wait(timeout=_END_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        server.stdout.close()
