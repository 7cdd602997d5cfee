"""The FL server, ended with SIGKILL at its n-th step: `server_killed_at.py N COUNT_FILE --job ...`.

A step is an event taken from the inbox, a line said, or a file put in its place, before it and after it. N = 0 only
counts, into COUNT_FILE.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fl_core import checkpoint, lifeline
from fl_core.server import Server, main

stop_at, count_file = int(sys.argv[1]), Path(sys.argv[2])
seen = 0


def step() -> None:
    global seen
    seen += 1
    if seen == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)


def in_steps(function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        step()
        result = function(*arguments, **named)
        step()
        return result

    return counted


Server._take_next = in_steps(Server._take_next)  # type: ignore[method-assign]
lifeline.emit = in_steps(lifeline.emit)
checkpoint.os.replace = in_steps(os.replace)  # type: ignore[attr-defined]
code = main(sys.argv[3:])
count_file.write_text(str(seen))
lifeline.leave(code)
