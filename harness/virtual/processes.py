"""The processes of the embedded boards. To them the server is what init is to a real machine."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


class Processes:
    """Starts commands, waits for them, and can end all of them.

    Commands may leave processes behind (`setsid worker &`). As a subreaper we adopt those: they are found at the end,
    and a dead one does not stay a zombie that `kill -0` would take for alive.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, asyncio.Future[int]] = {}
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "cannot become a subreaper")
        loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(
        self, command: Sequence[str], home: Path, env: Mapping[str, str]
    ) -> tuple[subprocess.Popen[bytes], asyncio.Future[int]]:
        """A command in its own session with three pipes, and its wait status once it has ended."""
        child = subprocess.Popen(
            command,
            cwd=home,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        child.returncode = 0  # `_reap` waits for it; Popen must not
        ended = self._waiting[child.pid] = self._loop.create_future()
        return child, ended

    def kill_all(self) -> None:
        """Ends every process that ever came from a command, as pulling the plug would."""
        self._loop.remove_signal_handler(signal.SIGCHLD)
        while children := psutil.Process().children(recursive=True):
            for child in children:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
            try:
                os.waitpid(-1, 0)  # the killed end at once; what they leave behind becomes ours meanwhile
            except ChildProcessError:
                continue
            self._reap()

    def _reap(self) -> None:
        """Collects all that have ended: our commands, and orphans that became ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._waiting.pop(pid, None)
            if ended is not None and not ended.cancelled():
                ended.set_result(status)
