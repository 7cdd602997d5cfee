"""A stand-in for the adb server with one phone: the services that `adb shell`, `push`, `pull` and `get-state` ask for.

Protocol: AOSP packages/modules/adb (services, sync, shell service). The phone's /data/local/tmp is a folder here.
"""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

HOME = "/data/local/tmp"


@contextmanager
def adb_server(folder: Path, serial: str, state: str = "device") -> Iterator[int]:
    (folder / "files").mkdir(exist_ok=True)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(ConnectionError, EOFError):
                _Client(self.request, folder, serial, state).serve()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


class _Client:
    def __init__(self, line: socket.socket, folder: Path, serial: str, state: str) -> None:
        self._line = line
        self._folder = folder
        self._serial = serial
        self._state = state

    def serve(self) -> None:
        while True:
            service = self._exactly(int(self._exactly(4), 16)).decode()
            if service == "host:version":
                return self._answer(f"{ADB_VERSION:04x}")
            if service.endswith(":features"):
                return self._answer("shell_v2,cmd")
            if service.endswith(":get-state"):
                return self._answer(self._state) if self._known(service) else self._refuse("device not found")
            if service.startswith(("host:transport:", "host:tport:")):
                if not self._known(service):
                    return self._refuse("device not found")
                self._line.sendall(b"OKAY" + (struct.pack("<Q", 1) if "tport" in service else b""))
            elif service.startswith("shell,v2"):
                self._line.sendall(b"OKAY")
                return self._shell(service.split(":", 1)[1])
            elif service == "sync:":
                self._line.sendall(b"OKAY")
                return self._sync()
            else:
                return self._refuse(f"no such service: {service}")

    def _known(self, service: str) -> bool:
        return self._serial in service

    def _shell(self, command: str) -> None:
        child = subprocess.Popen(
            ["/bin/sh", "-c", command.replace(HOME, str(self._folder))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True,
        )  # fmt: skip
        assert child.stdin is not None
        sending = threading.Lock()
        relays = [
            threading.Thread(target=self._relay, args=(number, pipe, sending), daemon=True)
            for number, pipe in ((1, child.stdout), (2, child.stderr))
        ]
        for relay in relays:
            relay.start()
        feeding = threading.Thread(target=self._feed, args=(child,), daemon=True)
        feeding.start()
        for relay in relays:
            relay.join()
        code = child.wait()
        self._packet(3, bytes([code if code >= 0 else 128 - code]), sending)
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        feeding.join()

    def _relay(self, number: int, pipe: IO[bytes] | None, sending: threading.Lock) -> None:
        assert pipe is not None
        with suppress(OSError), pipe:
            while data := pipe.read(65536):
                self._packet(number, data, sending)

    def _packet(self, number: int, data: bytes, sending: threading.Lock) -> None:
        with sending, suppress(OSError):
            self._line.sendall(struct.pack("<BI", number, len(data)) + data)

    def _feed(self, child: subprocess.Popen[bytes]) -> None:
        """Packets to the command's stdin; a client that goes away is the end of its input."""
        assert child.stdin is not None
        with suppress(OSError, EOFError, ValueError):
            while True:
                number, size = struct.unpack("<BI", self._exactly(5))
                data = self._exactly(size)
                if number == 0:
                    with suppress(OSError):
                        child.stdin.write(data)
                elif number == 4:
                    break
        with suppress(OSError):
            child.stdin.close()

    def _sync(self) -> None:
        while True:
            name, size = struct.unpack("<4sI", self._exactly(8))
            if name == b"QUIT":
                return
            path = self._exactly(size).decode()
            if name == b"STAT":
                self._line.sendall(b"STAT" + self._stat(self._local(path)))
            elif name == b"SEND":
                self._take(self._local(path.rpartition(",")[0]))
            elif name == b"RECV":
                self._give(self._local(path))

    def _stat(self, path: Path) -> bytes:
        try:
            facts = path.stat()
        except OSError:
            return struct.pack("<III", 0, 0, 0)
        return struct.pack("<III", facts.st_mode, facts.st_size, int(facts.st_mtime))

    def _take(self, path: Path) -> None:
        content = bytearray()
        while True:
            name, size = struct.unpack("<4sI", self._exactly(8))
            if name == b"DONE":
                break
            content += self._exactly(size)
        try:
            path.write_bytes(content)
        except OSError as error:
            return self._fail(f"couldn't create file: {error.strerror}")
        self._line.sendall(b"OKAY" + struct.pack("<I", 0))

    def _give(self, path: Path) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            return self._fail(f"open failed: {error.strerror}")
        for start in range(0, len(content), 65536):
            chunk = content[start : start + 65536]
            self._line.sendall(b"DATA" + struct.pack("<I", len(chunk)) + chunk)
        self._line.sendall(b"DONE" + struct.pack("<I", 0))

    def _fail(self, text: str) -> None:
        self._line.sendall(b"FAIL" + struct.pack("<I", len(text)) + text.encode())

    def _local(self, path: str) -> Path:
        return Path(path.replace(HOME, str(self._folder)))

    def _answer(self, text: str) -> None:
        self._line.sendall(b"OKAY" + f"{len(text):04x}".encode() + text.encode())

    def _refuse(self, text: str) -> None:
        self._line.sendall(b"FAIL" + f"{len(text):04x}".encode() + text.encode())

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._line.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def _adb_version() -> int:
    """The protocol version of the installed adb, which ends every server of another one."""
    if not any(os.access(Path(folder) / "adb", os.X_OK) for folder in os.environ["PATH"].split(":")):
        return 0
    said = subprocess.run(["adb", "version"], capture_output=True, text=True).stdout
    return int(said.split("version 1.0.")[1].split()[0])


ADB_VERSION = _adb_version()
