"""The board's lease for the length of a change: the same lock as a run's, so that neither disturbs the other."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.connect.base import Connection
from harness.errors import BoardBusy, BoardError, CommandFailed
from harness.facts.users import parse_lease
from harness.inventory import BoardSpec

ANSWER_S = 20.0
_RELEASE_S = 2.0
# Takes the lock, says so, and keeps it until its input ends, however the controller does. The kernel drops it then.
_HOLD = """
import fcntl, json, os, sys
fd = os.open("lease.json", os.O_RDWR | os.O_CREAT, 0o644)
try:
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    print(json.dumps({"held": True, "text": os.pread(fd, 65536, 0).decode("utf-8", "replace")}))
else:
    os.ftruncate(fd, 0)
    os.pwrite(fd, sys.argv[1].encode(), 0)
    print(json.dumps({"held": False, "text": ""}))
    sys.stdout.flush()
    sys.stdin.read()
    os.ftruncate(fd, 0)
"""


@contextmanager
def held(connection: Connection, spec: BoardSpec, what: str) -> Iterator[None]:
    """The board is ours while inside. Raises `BoardBusy` with who holds it."""
    holder = {"user": getpass.getuser(), "host": socket.gethostname(), "run": what, "pid": os.getpid()}
    words = [spec.python, "-S", "-c", _HOLD, json.dumps(holder)]
    stream = connection.open(f"mkdir -p {shlex.quote(spec.root)} && cd {shlex.quote(spec.root)} && {shlex.join(words)}")
    try:
        try:
            line = stream.read_line(ANSWER_S)
        except TimeoutError:
            line = None
        if line is None:
            why = stream.stderr_tail.strip().rpartition("\n")[2] or "no answer"
            remedy = f"does `{spec.python}` run there, and is there space on the board?"
            raise CommandFailed(spec.name, f"its lease cannot be taken: {why}", remedy=remedy)
        lease = parse_lease(line)
        if lease.held:
            raise BoardBusy(spec.name, f"in use by {lease.holder or 'somebody'}", remedy="wait until it is free")
        yield
    finally:
        with suppress(BoardError, TimeoutError):
            stream.end_input()
            stream.read_line(_RELEASE_S)  # its end: the lock is free, and its text gone
        stream.close()
