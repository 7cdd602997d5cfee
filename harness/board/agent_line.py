"""The controller's end of the conversation with a board's agent: requests with a deadline, events to a listener."""

from __future__ import annotations

import itertools
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from harness.clock import BoardTime, ClockReading, Exchange, now_s, reading_of
from harness.connect.base import Stream
from harness.errors import AgentLost, BoardError

Event = dict[str, Any]
PING_INTERVAL_S = 2.0  # NTP may slew a clock by a millisecond in the meantime
LEASE_S = 20.0  # without a sign of life for so long the agent ends everything: a controller that died leaves nothing


class AgentLine:
    """Thread-safe. `listener` is called in the reader's thread, also once with {"event": "closed"} at the end."""

    def __init__(self, board: str, stream: Stream, listener: Callable[[Event], None]) -> None:
        self._board = board
        self._stream = stream
        self._listener = listener
        self._ids = itertools.count(1)
        self._answers: dict[int, queue.Queue[Event]] = {}
        self._pings: dict[int, float] = {}  # those on their way -> when they were sent
        self._clock: list[ClockReading] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._read, name=f"agent-{board}", daemon=True).start()
        threading.Thread(target=self._ping, name=f"ping-{board}", daemon=True).start()

    def ask(self, do: str, timeout_s: float, **facts: Any) -> Event:
        """Send a request and wait for its answer. Raises `AgentLost` when none comes in time."""
        number = next(self._ids)
        answer: queue.Queue[Event] = queue.Queue()
        self._answers[number] = answer
        try:
            self._write({"id": number, "do": do, **facts})
            return answer.get(timeout=timeout_s)
        except queue.Empty:
            raise AgentLost(self._board, f"the agent did not answer {do!r} within {timeout_s:.0f} s") from None
        finally:
            self._answers.pop(number, None)

    def take_clock(self) -> list[ClockReading]:
        """What the pings told of the board's clock since the last call, oldest first."""
        taken, self._clock = self._clock, []
        return taken

    def close(self) -> None:
        """Say goodbye; the agent ends its worker and itself when its input ends, heard or not."""
        if not self._closed.is_set():
            self._closed.set()
            self._stream.close()

    def _write(self, message: Event) -> None:
        try:
            with self._lock:
                self._stream.write_line(json.dumps(message))
        except BoardError as error:
            raise AgentLost(self._board, f"the line to the agent is cut ({error.message})") from error

    def _read(self) -> None:
        while True:
            try:
                line = self._stream.read_line()
            except BoardError:
                line = None  # the connection itself was lost
            if line is None:
                break
            self._take(line)
        gone = {"ok": False, "error": "gone", "detail": f"the agent ended: {self._stream.stderr_tail.strip()}"}
        for answer in list(self._answers.values()):
            answer.put(gone)
        self._listener({"event": "closed"})

    def _take(self, line: str) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            return  # a login banner or a stray print: not ours
        if not isinstance(message, dict):
            return
        if "event" in message:
            self._listener(message)
        elif message.get("id") in self._answers:
            self._answers[message["id"]].put(message)
        elif message.get("id") in self._pings and "raw_s" in message:
            exchange = Exchange(self._pings.pop(message["id"]), board_time(message), now_s())
            self._clock.append(reading_of([exchange]))

    def _ping(self) -> None:
        while not self._closed.wait(PING_INTERVAL_S):
            number = next(self._ids)
            self._pings[number] = now_s()
            try:
                self._write({"id": number, "do": "ping"})
            except AgentLost:
                return


def board_time(answer: Event) -> BoardTime:
    """What a ping brought back."""
    return BoardTime(float(answer["t_s"]), float(answer["raw_s"]))
