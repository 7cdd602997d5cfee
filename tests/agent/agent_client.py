"""A client of the real agent, which runs as a child process from a plain copy of its folder, as on a board."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ALLOCATOR = str(Path(__file__).with_name("allocator.py"))
HOLDER = {"user": "tester", "host": "here", "run": "r1", "pid": 1}


class AgentProcess:
    """A client of one agent. `ask` waits for the answer; events that pass by are kept in `events`."""

    def __init__(self, code: Path, root: Path, python: str, sysroot: str, reading: bool) -> None:
        self.root = root
        self.python = python
        self.process = subprocess.Popen(
            [python, "-m", "agent", "--root", str(root), "--sysroot", sysroot],
            cwd=code,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self.process.stdin and self.process.stdout
        self.stdin = self.process.stdin
        self.stdout = self.process.stdout
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._last_id = 0
        if reading:
            self.read()

    def read(self) -> None:
        threading.Thread(target=lambda: [self._lines.put(line) for line in self.stdout], daemon=True).start()

    def write(self, line: bytes) -> None:
        self.stdin.write(line)
        self.stdin.flush()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        self._last_id += 1
        self.write(json.dumps({"id": self._last_id, "do": do, **arguments}).encode() + b"\n")
        return self.until(lambda message: message.get("id") == self._last_id)

    def until(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 10.0) -> dict[str, Any]:
        deadline = time.monotonic() + timeout_s
        while True:
            message: dict[str, Any] = json.loads(self._lines.get(timeout=deadline - time.monotonic()))
            if wanted(message):
                return message
            self.events.append(message)

    def event(self, name: str) -> dict[str, Any]:
        earlier = [event for event in self.events if event.get("event") == name]
        return earlier[0] if earlier else self.until(lambda message: message.get("event") == name)

    def hello(self, lease_s: float = 30.0) -> dict[str, Any]:
        return self.ask("hello", holder=HOLDER, lease_s=lease_s)

    def start(self, *words: object, **arguments: Any) -> dict[str, Any]:
        argv = [self.python, ALLOCATOR, *map(str, words)]
        return self.ask("start", **{"argv": argv, "out": "out", "budget_bytes": None, "rate_hz": 20, **arguments})

    def log(self, pattern: str = "\n") -> str:
        """The worker's output, as soon as it holds the pattern."""
        return wait_for(lambda: text if pattern in (text := (self.root / "out/worker.log").read_text()) else "")

    def trace(self) -> list[dict[str, Any]]:
        """What is written so far; an unfinished last line is left out."""
        return [json.loads(line) for line in (self.root / "out/samples.jsonl").read_text().split("\n")[:-1]]

    def samples(self) -> list[dict[str, Any]]:
        return [record for record in self.trace() if "t_s" in record]

    def verdict(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.root / "out/exit.json").read_text())
        return content

    def hang_up(self) -> None:
        self.stdin.close()

    def close(self) -> None:
        self.hang_up()
        self.wait()
        for stream in (self.stdout, self.process.stderr):
            if stream:
                stream.close()

    def wait(self, timeout_s: float = 10.0) -> int:
        return self.process.wait(timeout_s)


def wait_for(probe: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := probe()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    """Running, as opposed to gone or merely not yet reaped by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
