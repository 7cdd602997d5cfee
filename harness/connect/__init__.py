"""How the controller reaches a board. A new way is a new file and a line here."""

from __future__ import annotations

from collections.abc import Callable

from harness.connect.adb import AdbConnection
from harness.connect.base import Connection, Result, Stream
from harness.connect.local import LocalConnection
from harness.connect.ssh import SshConnection
from harness.inventory import BoardSpec

__all__ = ["Connection", "Result", "Stream", "connect"]

CONNECTIONS: dict[str, Callable[[BoardSpec], Connection]] = {
    "ssh": SshConnection,
    "adb": AdbConnection,
    "local": LocalConnection,
}


def connect(spec: BoardSpec) -> Connection:
    """A live connection. Raises `Unreachable`, `HostKeyRefused` or `LoginRefused` within `connect_timeout_s`."""
    return CONNECTIONS[spec.connection](spec)
