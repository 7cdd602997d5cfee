"""Deadlines of our own: name resolution, Paramiko's waits and its socket writes have none that can be trusted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(timeout_s: float, work: Callable[[], T]) -> T:
    """The result of `work`, or `TimeoutError`; then its thread is left to end by itself."""
    return _in_thread(work).result(timeout=max(0.0, timeout_s))


def while_moving(stall_s: float, work: Callable[[Callable[..., None]], T]) -> T:
    """The result of `work(moved)`, or `TimeoutError` once it has not called `moved` for `stall_s`."""
    last_s = time.monotonic()

    def moved(*_: object) -> None:
        nonlocal last_s
        last_s = time.monotonic()

    future = _in_thread(lambda: work(moved))
    while True:
        try:
            return future.result(timeout=max(0.0, last_s + stall_s - time.monotonic()))
        except TimeoutError:
            if future.done() or time.monotonic() >= last_s + stall_s:
                raise


def _in_thread(work: Callable[[], T]) -> Future[T]:
    """A daemon thread, not an executor: the interpreter would wait for an executor's threads at exit."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # handed to whoever waits
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
