"""What every connection to a board can do. One conformance suite holds for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

KILLED = -1  # exit code of a command that a signal ended; SSH libraries do not all tell which


@dataclass(frozen=True, kw_only=True)
class Result:
    """A finished command."""

    stdout: bytes
    stderr: bytes
    exit_code: int  # or KILLED

    @property
    def text(self) -> str:
        """stdout for parsers of text."""
        return self.stdout.decode(errors="replace")

    @property
    def error_text(self) -> str:
        """stderr for messages."""
        return self.stderr.decode(errors="replace").strip()


def endpoint(host: str, port: int | str) -> str:
    """As gRPC takes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Stream(Protocol):
    """A running command, spoken to in lines. One thread may read while others write."""

    def write_line(self, line: str) -> None:
        """Sends the line with a newline, whole. Raises `CommandFailed` when the command no longer listens."""

    def read_line(self, timeout_s: float | None = None) -> str | None:
        """The next line of stdout without its newline; None once the command has ended, however it did.

        Raises `TimeoutError`, which loses nothing.
        """

    def end_input(self) -> None:
        """End of file on the command's stdin; its output can still be read."""

    @property
    def stderr_tail(self) -> str:
        """The last few KiB that it wrote to stderr, as far as `read_line` has seen."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and for good when it did so as the stream was closed or the connection lost."""

    def close(self) -> None:
        """End of file on its stdin, and its output is no longer read. It is not killed."""


class Connection(Protocol):
    """A live connection to one board. Relative remote paths start at the login's home."""

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """Runs a shell command with empty stdin; any exit code is a result.

        Raises `CommandFailed` after `timeout_s` (default: the board's `command_timeout_s`), `Unreachable` when the
        connection is lost.
        """

    def put(self, local_path: str | Path, remote_path: str) -> None:
        """Copies a file with its mode; the remote name appears only when the content is complete.

        Raises `CommandFailed` when refused or when nothing has moved for `command_timeout_s`.
        """

    def get(self, remote_path: str, local_path: str | Path) -> None:
        """Copies a file back; otherwise like `put`."""

    def open(self, command: str) -> Stream:
        """Starts a long-running command."""

    def close(self) -> None:
        """Ends the connection and all its streams."""
