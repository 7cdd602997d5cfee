"""The controller's end of the link test: answers pings at once, takes bytes from one board at a time."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self

from harness.facts.link import RATE_BYTES

_IDLE_S = 20.0


class Listener:
    """Listens on one address of this machine while the `with` lasts. Raises `OSError` if it is not one of its own."""

    def __init__(self, address: str) -> None:
        self._server = socket.create_server((address, 0), backlog=256)
        self.port: int = self._server.getsockname()[1]
        self._turn = threading.Lock()  # rates that are measured at once would be shares of one link

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(_IDLE_S)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (word := line.recv(1)) == b"p":
                line.sendall(b".")
            if word == b"r":
                with self._turn:
                    line.sendall(b".")
                    self._take(line)
                    line.sendall(b".")

    def _take(self, line: socket.socket) -> None:
        left = RATE_BYTES
        while left > 0:
            data = line.recv(min(left, 1 << 18))
            if not data:
                raise OSError("the board hung up")
            left -= len(data)
