"""A deadline for a call that heeds none: it runs in a thread of its own, and one left behind ends by itself."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

from harness.meters.base import MeterFault

T = TypeVar("T")


def in_time(call: Callable[[], T], timeout_s: float) -> T:
    """What the call returns or raises; `MeterFault` where it did neither within the time."""
    results: queue.SimpleQueue[tuple[T | None, Exception | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            results.put((call(), None))
        except Exception as error:  # handed to whoever waits
            results.put((None, error))

    threading.Thread(target=work, name="meter", daemon=True).start()
    try:
        value, error = results.get(timeout=timeout_s)
    except queue.Empty:
        raise MeterFault(f"no answer within {timeout_s:g} s") from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value]  # None only where the call returned it
