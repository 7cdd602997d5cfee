"""Run the command and end this process with SIGKILL at its n-th event: `kill_at.py N COUNT_FILE bench ...`.

An event is anything that a board or a program says, and each JSON file before and after it is written. N = 0 only
counts, into COUNT_FILE.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness.bench
import harness.launch
import harness.preflight
import harness.states
import harness.store
from harness.cli import main

stop_at, count_file = int(sys.argv[1]), Path(sys.argv[2])
seen = 0


def event() -> None:
    global seen
    seen += 1
    if seen == stop_at:
        os.kill(os.getpid(), signal.SIGKILL)


def with_events(function: Callable[..., Any]) -> Callable[..., Any]:
    def counted(*arguments: Any, **named: Any) -> Any:
        event()
        result = function(*arguments, **named)
        event()
        return result

    return counted


harness.launch._take = with_events(harness.launch._take)
harness.launch.write_json = with_events(harness.launch.write_json)
harness.preflight.write_json = with_events(harness.preflight.write_json)
harness.store.write_json = with_events(harness.store.write_json)
harness.states.write_json = with_events(harness.states.write_json)
harness.bench.build_frames = with_events(harness.bench.build_frames)
sys.argv = ["fedrack", *sys.argv[3:]]
try:
    main()
finally:
    count_file.write_text(str(seen))
