"""The FL server and the edge server of a cell: programs of the FL core on the controller's machine.

They speak JSON lines: events out, orders in. Their standard input is their life line; see `fl_core.lifeline`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

Event = dict[str, Any]
END_GRACE_S = 5.0


class CoreProcess:
    """`python -m <module> <arguments>`; `listener` gets every event, and {"event": "ended", "returncode"} at last."""

    def __init__(self, module: str, arguments: list[str], log: Path, listener: Callable[[Event], None]) -> None:
        self._listener = listener
        with log.open("ab") as file:  # the one before it, where it is started again, has had its say
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                start_new_session=True,  # Ctrl-C reaches the controller alone, which then ends everything in order
            )
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def order(self, **facts: Any) -> None:
        """One line to the program; a program that has ended does not mind."""
        try:
            with self._lock:
                assert self._process.stdin is not None
                self._process.stdin.write(json.dumps(facts) + "\n")
                self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def end(self) -> None:
        """Let it finish what it says it has finished; kill it otherwise."""
        try:
            self._process.wait(END_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()

    def kill(self) -> None:
        self._process.kill()
        self._close()

    def _close(self) -> None:
        assert self._process.stdin is not None
        self._process.wait()
        self._reader.join()
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass

    def _read(self, lines: IO[str]) -> None:
        try:
            with lines:
                for line in lines:
                    if event := _event(line):
                        self._listener(event)
        finally:
            self._listener({"event": "ended", "returncode": self._process.wait()})


def _event(line: str) -> Event | None:
    """A line of ours; libraries print on stdout too (ONEDNN_VERBOSE=1)."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "event" in value else None
