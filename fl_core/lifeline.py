"""What a program started by the controller does with its standard streams: JSON lines out, and a life line in.

The controller keeps our stdin open for as long as it lives. When it ends, however it ends, we see the end of the file
and leave: nothing of ours stays behind on the controller's machine.
"""

import json
import os
import sys
import threading
from typing import Any, Callable, Dict, NoReturn

CONTROLLER_GONE = 3


def emit(event: Dict[str, Any]) -> None:
    """One event on stdout."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def leave(code: int) -> NoReturn:
    """End the process at once. All files are closed by then; gRPC's own threads are not always gone, and an interpreter
    that winds down under them ends in `terminate called` and signal 6, about once in fifty workers."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def hold(obey: Callable[[Dict[str, Any]], None] = lambda order: None) -> None:
    """Read orders from stdin in a thread; at its end, end the process."""

    def read() -> None:
        for line in sys.stdin:
            obey(json.loads(line))
        os._exit(CONTROLLER_GONE)

    threading.Thread(target=read, daemon=True).start()
