"""A command on an SSH channel: its output as it comes, and lines both ways."""

from __future__ import annotations

import threading
import time

import paramiko

from harness.connect.base import KILLED
from harness.connect.deadline import within
from harness.errors import CommandFailed
from harness.inventory import BoardSpec

_CHUNK = 65536
_TAIL_BYTES = 8192
_GOODBYE_S = 3.0


class _Bell(threading.Event):
    """Rung by Paramiko's buffers. They also silence it when *one* of the two is empty; that must not count."""

    def clear(self) -> None:
        pass

    def silence(self) -> None:
        super().clear()


class Output:
    """stdout and stderr of a channel, together: reading one after the other would block when the window is full."""

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._bell = _Bell()
        channel.in_buffer.set_event(self._bell)
        channel.in_stderr_buffer.set_event(self._bell)

    def next(self, end_s: float | None) -> tuple[bytes, bytes] | None:
        """What came next on (stdout, stderr), or None at the end. Raises `TimeoutError` at monotonic time `end_s`."""
        channel = self._channel
        while True:
            self._bell.silence()  # before looking: what comes after the look rings again
            ended = bool(channel.eof_received or channel.closed)
            stdout = channel.recv(_CHUNK) if channel.recv_ready() else b""
            stderr = channel.recv_stderr(_CHUNK) if channel.recv_stderr_ready() else b""
            if stdout or stderr:
                return stdout, stderr
            if ended:
                return None
            if not self._bell.wait(None if end_s is None else max(0.0, end_s - time.monotonic())):
                raise TimeoutError("nothing came in time")


class SshStream:
    """A `Stream` over one channel."""

    def __init__(self, spec: BoardSpec, command: str, channel: paramiko.Channel) -> None:
        self._spec = spec
        self._command = command
        self._channel = channel
        self._channel.settimeout(spec.command_timeout_s)  # bounds writes only: `Output` never blocks in a read
        self._output = Output(channel)
        self._writing = threading.Lock()
        self._buffer = b""
        self._tail = b""
        self._hung_up = False

    def write_line(self, line: str) -> None:
        """Sends the line with a newline, whole."""
        try:
            with self._writing:
                self._channel.sendall(line.encode() + b"\n")
        except TimeoutError:
            raise self._failed(f"has not read its input for {self._spec.command_timeout_s:g} s") from None
        except OSError:
            raise self._failed("no longer listens") from None

    def read_line(self, timeout_s: float | None = None) -> str | None:
        """The next line without its newline, or None at the end."""
        end_s = None if timeout_s is None else time.monotonic() + timeout_s
        searched = 0
        while (cut := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            news = self._output.next(end_s)
            if news is None:
                return self._last_line(end_s)
            self._buffer += news[0]
            self._tail = (self._tail + news[1])[-_TAIL_BYTES:]
        line, self._buffer = self._buffer[:cut], self._buffer[cut + 1 :]
        return line.decode(errors="replace")

    def _last_line(self, end_s: float | None) -> str | None:
        """What came without a newline; then the end, once the exit code is known: it may follow the output."""
        if self._buffer:
            rest, self._buffer = self._buffer, b""
            return rest.decode(errors="replace")
        if not self._channel.status_event.wait(None if end_s is None else max(0.0, end_s - time.monotonic())):
            raise TimeoutError("the command has closed its output, but runs on")
        return None

    def end_input(self) -> None:
        """End of file on the command's stdin."""
        with self._writing:
            self._channel.shutdown_write()

    @property
    def stderr_tail(self) -> str:
        """The last of its stderr."""
        return self._tail.decode(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and for good when it did so as the stream was closed or the connection lost."""
        code = exit_code(self._channel)
        return None if code == KILLED and self._hung_up else code

    def close(self) -> None:
        """End of file on its stdin, and its output is no longer read."""
        self._hung_up = True
        hang_up(self._channel)

    def _failed(self, what: str) -> CommandFailed:
        last = self.stderr_tail.strip().rpartition("\n")[2]
        message = f"`{self._command}` {what}" + (f"; its last words: {last}" if last else "")
        return CommandFailed(self._spec.name, message, remedy="see its log on the board")


def hang_up(channel: paramiko.Channel) -> bool:
    """Closes a channel; False when the link is so stuck, or gone, that it does not even take the goodbye."""
    try:
        within(_GOODBYE_S, channel.close)
    except (OSError, EOFError, paramiko.SSHException):
        return False
    return True


def exit_code(channel: paramiko.Channel) -> int | None:
    """The command's exit code; `KILLED` for a channel that the board closed without one; None if still unknown."""
    if not channel.status_event.is_set():
        return None
    code: int = channel.exit_status
    if code == -1:  # Paramiko drops SSH's exit-signal message; a lost connection looks the same but for the transport
        return KILLED if channel.transport and channel.transport.is_active() else None
    return code
