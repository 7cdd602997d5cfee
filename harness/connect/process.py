"""A board whose commands are child processes here: its own shell, or a program that carries them there."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from harness.connect.base import KILLED, Result
from harness.errors import CommandFailed
from harness.inventory import BoardSpec

_TAIL_BYTES = 8192
_END = None


class Commands:
    """`argv` turns a shell command into the process that runs it; `killed` knows an exit code that a signal made."""

    def __init__(
        self, spec: BoardSpec, argv: Callable[[str], Sequence[str]], killed: Callable[[int], bool], home: Path | None
    ) -> None:
        self._spec = spec
        self._argv = argv
        self._killed = killed
        self._home = home
        self._streams: list[ProcessStream] = []

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """See `Connection.run`. Past its deadline the command is killed with all that it started."""
        timeout_s = self._spec.command_timeout_s if timeout_s is None else timeout_s
        child = self._start(command, subprocess.DEVNULL)
        try:
            stdout, stderr = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill(child)
            remedy = "see what the board is busy with, or raise command_timeout_s"
            message = f"`{command}` was not done within {timeout_s:g} s"
            raise CommandFailed(self._spec.name, message, remedy=remedy) from None
        return Result(stdout=stdout, stderr=stderr, exit_code=self._code(child.returncode))

    def open(self, command: str) -> ProcessStream:
        """See `Connection.open`."""
        stream = ProcessStream(self._spec, command, self._start(command, subprocess.PIPE), self._code)
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        """End of input for every stream."""
        for stream in self._streams:
            stream.close()

    def _start(self, command: str, stdin: int) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self._argv(command), stdin=stdin, stdout=pipe, stderr=pipe, cwd=self._home, start_new_session=True
        )

    def _code(self, code: int) -> int:
        return KILLED if self._killed(code) else code


class ProcessStream:
    """A `Stream` over a child's three pipes. Threads of our own read both outputs, so that neither blocks the child."""

    def __init__(
        self, spec: BoardSpec, command: str, child: subprocess.Popen[bytes], code: Callable[[int], int]
    ) -> None:
        self._spec = spec
        self._command = command
        self._child = child
        self._code = code
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        self._tail = b""
        self._writing = threading.Lock()
        self._hung_up = False
        self._exit_code: int | None = None
        errors = threading.Thread(target=self._read_errors, daemon=True)
        errors.start()
        threading.Thread(target=self._read_lines, args=(errors,), daemon=True).start()

    def write_line(self, line: str) -> None:
        """See `Stream.write_line`."""
        assert self._child.stdin is not None
        try:
            with self._writing:
                self._child.stdin.write(line.encode() + b"\n")
                self._child.stdin.flush()
        except (OSError, ValueError):
            last = self.stderr_tail.strip().rpartition("\n")[2]
            message = f"`{self._command}` no longer listens" + (f"; its last words: {last}" if last else "")
            raise CommandFailed(self._spec.name, message, remedy="see its log on the board") from None

    def read_line(self, timeout_s: float | None = None) -> str | None:
        """See `Stream.read_line`."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError("nothing came in time") from None
        if line is _END:
            self._lines.put(_END)  # the end stays the end
            return None
        return line.rstrip(b"\n").decode(errors="replace")

    def end_input(self) -> None:
        """See `Stream.end_input`."""
        assert self._child.stdin is not None
        with self._writing, suppress(OSError):
            self._child.stdin.close()

    @property
    def stderr_tail(self) -> str:
        """See `Stream.stderr_tail`."""
        return self._tail.decode(errors="replace")

    @property
    def exit_code(self) -> int | None:
        """See `Stream.exit_code`."""
        return self._exit_code

    def close(self) -> None:
        """See `Stream.close`."""
        self._hung_up = True
        self.end_input()
        self._lines.put(_END)

    def _read_lines(self, errors: threading.Thread) -> None:
        with _pipe(self._child.stdout) as stdout:
            for line in stdout:
                if not self._hung_up:
                    self._lines.put(line)
        errors.join()
        code = self._child.wait()
        if not self._hung_up:
            self._exit_code = self._code(code)
        self._lines.put(_END)

    def _read_errors(self) -> None:
        with _pipe(self._child.stderr) as stderr:
            for line in stderr:
                self._tail = (self._tail + line)[-_TAIL_BYTES:]


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _kill(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, 9)
    child.communicate()
