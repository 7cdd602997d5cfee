"""The single-threaded event loop: requests, deaths of children, and the next tick. Nothing polls."""

import os
import select
import signal
import sys
import time
import traceback
from typing import List, Optional, Set

from .agent import Agent
from .errors import Refused
from .protocol import Channel, HungUp, decoded

_FAREWELL_S = 5.0  # a killed tree that is not gone by then hangs in the kernel; waiting on would not help
_TAIL_S = 1.0
EXIT_BYE, EXIT_ABANDONED, EXIT_INTERNAL = 0, 3, 70


class Loop:
    def __init__(self, folder: str, sysroot: str) -> None:
        self._channel = Channel(0, 1)
        self._agent = Agent(folder, sysroot, self._channel.send)
        self._signals = _signal_pipe()
        self._tail_due_s = 0.0
        self._leave_by_s: Optional[float] = None
        self._code = EXIT_BYE

    def run(self) -> int:
        try:
            while not self._done():
                try:
                    self._turn()
                except HungUp:
                    self._leave("the controller hung up", EXIT_ABANDONED)
                except Exception:
                    traceback.print_exc()
                    self._leave("internal error", EXIT_INTERNAL)
        finally:
            self._agent.abandon()
            self._channel.close()
        return self._code

    def _done(self) -> bool:
        if self._agent.run is None:
            return self._agent.leaving or self._leave_by_s is not None
        return self._leave_by_s is not None and time.monotonic() >= self._leave_by_s

    def _turn(self) -> None:
        # select and not epoll: its timeout is not rounded up to whole milliseconds
        ready, writable, _ = select.select(
            [self._signals] + ([self._channel.reader] if self._listening else []),
            [self._channel.writer] if self._channel.pending else [],
            [],
            self._timeout_s(),
        )
        self._on_time()
        if self._signals in ready:
            self._on_signals(set(os.read(self._signals, 4096)))
        if writable:
            self._channel.flush()
        if self._channel.reader in ready:
            self._on_requests()
        self._on_lease()

    @property
    def _listening(self) -> bool:
        return self._channel.open and not self._agent.leaving and not self._channel.congested

    def _timeout_s(self) -> Optional[float]:
        run = self._agent.run
        due = [self._leave_by_s, None if self._leave_by_s else self._agent.lease_due_s]
        if run is not None:
            due += [run.kill_due_s, None if self._leave_by_s else run.tick_due_s]
        times = [time_s for time_s in due if time_s is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def _on_time(self) -> None:
        run = self._agent.run
        now = time.monotonic()
        if run and run.tick_due_s is not None and now >= run.tick_due_s and self._leave_by_s is None:
            sample = run.tick()
            if sample and now >= self._tail_due_s:
                self._tail_due_s = now + _TAIL_S
                self._channel.offer({"event": "tail", "sample": sample})
        if run and run.kill_due_s is not None and now >= run.kill_due_s:
            run.kill()

    def _on_lease(self) -> None:
        """A board that stood still for longer than the lease finds the controller's words waiting: they count."""
        due_s = self._agent.lease_due_s
        if due_s is None or self._leave_by_s is not None or time.monotonic() < due_s:
            return
        if not (self._listening and select.select([self._channel.reader], [], [], 0)[0]):
            self._leave("no request within the lease", EXIT_ABANDONED)

    def _on_signals(self, numbers: Set[int]) -> None:
        if signal.SIGCHLD in numbers:
            self._agent.on_child()
        for number in numbers - {signal.SIGCHLD}:
            self._leave(f"signal {number}", 128 + number)

    def _on_requests(self) -> None:
        lines: List[bytes] = self._channel.receive()
        for line in lines:
            if line.strip():
                try:
                    self._agent.answer(decoded(line))
                except Refused as refusal:
                    self._agent.refuse(None, refusal)
        if not self._channel.open:
            self._leave("the controller hung up", EXIT_ABANDONED)

    def _leave(self, why: str, code: int) -> None:
        """End without having been asked to: kill the tree, then go as soon as it is gone."""
        if self._leave_by_s is None:
            self._leave_by_s = time.monotonic() + _FAREWELL_S
            self._code = code
            print(f"agent: leaving: {why}", file=sys.stderr)
            if self._agent.run is not None:
                self._agent.run.kill()


def _signal_pipe() -> int:
    """A descriptor that yields the number of each signal that came."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # the number in the pipe is all that is wanted
    return reader
