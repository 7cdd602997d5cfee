"""Addresses where no SSH server answers. All of them on loopback."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from harness.connect import connect
from harness.errors import LoginRefused, Unreachable
from harness.inventory import BoardSpec


@contextmanager
def listener(*words: bytes, every_s: float = 0.0) -> Iterator[int]:
    """A server that takes one connection, says `words`, and then is silent until the caller goes."""

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            try:
                for word in words:
                    connection.sendall(word)
                    time.sleep(every_s)
                while connection.recv(4096):
                    pass
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(timeout=5)
        assert not thread.is_alive(), "the connection was left open"


@pytest.fixture
def spec(a_spec: BoardSpec, tmp_path: Path) -> BoardSpec:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    return replace(a_spec, key_file=str(tmp_path / "key"), host_key=key.export_public_key().decode().strip())


def refused(spec: BoardSpec) -> tuple[str, float]:
    start_s = time.monotonic()
    with pytest.raises(Unreachable) as caught:
        connect(spec)
    assert caught.value.remedy
    return caught.value.message, time.monotonic() - start_s


def test_closed_port(spec: BoardSpec) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    message, took_s = refused(replace(spec, port=port))
    assert "refuses connections" in message
    assert took_s < 1.0


@pytest.mark.parametrize(
    ("words", "every_s"),
    [
        ((), 0.0),
        ((b"SSH-2.0-slow\r\n",), 0.0),
        (tuple(b"x" for _ in range(100)), 0.1),
    ],
    ids=["silent", "greeting only", "a byte now and then"],
)
def test_stalled_login_ends_at_the_deadline(spec: BoardSpec, words: tuple[bytes, ...], every_s: float) -> None:
    with listener(*words, every_s=every_s) as port:
        message, took_s = refused(replace(spec, port=port))
    assert "takes connections, but did not complete the login within 1 s" in message
    assert 0.9 < took_s < 2.0


def test_some_other_server(spec: BoardSpec) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: server.accept()[0].close(), daemon=True).start()
        message, took_s = refused(replace(spec, port=server.getsockname()[1]))
    assert "ended the connection during the login" in message
    assert took_s < 1.0


def test_key_files_that_cannot_be_used(spec: BoardSpec, tmp_path: Path) -> None:
    """Found before anything goes over the network."""
    locked = asyncssh.generate_private_key("ssh-ed25519").export_private_key(passphrase="secret")
    (tmp_path / "locked").write_bytes(locked)
    (tmp_path / "text").write_text("no key at all")
    for name, said in (("absent", "no key file"), ("locked", "needs a passphrase"), ("text", "not a usable")):
        with pytest.raises(LoginRefused, match=said) as caught:
            connect(replace(spec, port=1, key_file=str(tmp_path / name)))
        assert caught.value.remedy
