"""Boards to run the conformance suite against: the embedded rack, and OpenSSH's own server where it is installed."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncssh
import psutil
import pytest

from harness.connect import Connection, connect
from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.virtual.embedded import EmbeddedRack
from tests.connect.adb_server import adb_server

SSHD = Path("/usr/sbin/sshd")
VIRTUAL = Path(__file__).parents[2] / "inventories" / "virtual.yaml"


@dataclass(frozen=True, kw_only=True)
class LiveBoard:
    """A board that answers, a folder on it for the tests' files, and the process of its SSH server."""

    spec: BoardSpec
    folder: str
    server_pid: int

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """A board that hangs: its sockets stay open, and nothing behind them moves."""
        server = psutil.Process(self.server_pid)
        everything = [server, *server.children(recursive=True)]
        for process in everything:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in everything:
                if process.is_running():
                    process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="session")
def a_spec() -> BoardSpec:
    """Some board, for tests that fill in their own address."""
    board = load_inventory(VIRTUAL).boards[0]
    return replace(board, host="127.0.0.1", connect_timeout_s=1.0, command_timeout_s=5.0)


SSH_SERVERS = ("embedded", "openssh")


@pytest.fixture(scope="session", params=[*SSH_SERVERS, "local", "adb"])
def board(
    request: pytest.FixtureRequest, a_spec: BoardSpec, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveBoard]:
    with KINDS[request.param](a_spec, tmp_path_factory.mktemp(request.param)) as live:
        yield live


@pytest.fixture(scope="session", params=SSH_SERVERS)
def ssh_board(
    request: pytest.FixtureRequest, a_spec: BoardSpec, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveBoard]:
    with KINDS[request.param](a_spec, tmp_path_factory.mktemp(request.param)) as live:
        yield live


@pytest.fixture
def connection(board: LiveBoard) -> Iterator[Connection]:
    connection = connect(board.spec)
    yield connection
    connection.close()


@contextmanager
def embedded(spec: BoardSpec, folder: Path) -> Iterator[LiveBoard]:
    with EmbeddedRack([spec], folder) as rack:
        assert rack._server is not None
        (spec,) = rack.resolve([spec])
        yield LiveBoard(spec=replace(spec, connect_timeout_s=5.0), folder=".", server_pid=rack._server.pid)


@contextmanager
def openssh(spec: BoardSpec, folder: Path) -> Iterator[LiveBoard]:
    if not SSHD.exists():
        pytest.skip(f"{SSHD} is not installed (Debian: openssh-server)")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # as root, sshd insists on this empty folder
    host_key, login_key = new_key(folder / "host_key"), new_key(folder / "login_key")
    (folder / "authorized_keys").write_text(login_key)
    port = free_port()
    settings = {
        "ListenAddress": f"127.0.0.1:{port}",
        "HostKey": folder / "host_key",
        "AuthorizedKeysFile": folder / "authorized_keys",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
        "Subsystem": "sftp internal-sftp",
    }
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    with (folder / "sshd.log").open("wb") as log:
        server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", folder / "sshd_config"], stdin=subprocess.DEVNULL, stderr=log
        )
    try:
        wait_for_listener(port, server)
        files = folder / "files"
        files.mkdir()
        user, key_file = getpass.getuser(), str(folder / "login_key")
        spec = replace(spec, port=port, user=user, key_file=key_file, host_key=host_key, connect_timeout_s=5.0)
        yield LiveBoard(spec=spec, folder=str(files), server_pid=server.pid)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def local(spec: BoardSpec, folder: Path) -> Iterator[LiveBoard]:
    yield LiveBoard(spec=replace(spec, connection="local"), folder=str(folder), server_pid=os.getpid())


@contextmanager
def adb(spec: BoardSpec, folder: Path) -> Iterator[LiveBoard]:
    """The real adb program, and a stand-in for its server with one phone."""
    if shutil.which("adb") is None:
        pytest.skip("adb is not installed (Debian: adb)")
    with adb_server(folder, "PHONE1") as port, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        phone = replace(spec, connection="adb", host="PHONE1", port=22, virtual=None, connect_timeout_s=5.0)
        yield LiveBoard(spec=phone, folder="files", server_pid=os.getpid())


KINDS = {"embedded": embedded, "openssh": openssh, "local": local, "adb": adb}


def new_key(path: Path) -> str:
    """A fresh private key in `path`; the public one is returned."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key())
    return key.export_public_key().decode().strip()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_listener(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if server.poll() is not None:
            pytest.fail(f"sshd ended with {server.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    pytest.fail("sshd does not listen")
