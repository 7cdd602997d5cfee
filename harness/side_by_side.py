"""Work on many boards at once: real ones all together, embedded ones as many as this machine can carry."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from harness.inventory import BoardSpec

T = TypeVar("T")
# Embedded boards are processes here: importing torch on all of 32 at once would take 6 GB and swap.
EMBEDDED_AT_ONCE = 4 * (os.cpu_count() or 1)


def side_by_side(specs: Sequence[BoardSpec], work: Callable[[BoardSpec], T]) -> list[T]:
    """`work` of each board, in the order of `specs`. The first exception is raised once all have ended."""
    turns = threading.BoundedSemaphore(EMBEDDED_AT_ONCE)

    def one(spec: BoardSpec) -> T:
        if spec.virtual != "embedded":
            return work(spec)
        with turns:
            return work(spec)

    with ThreadPoolExecutor(max_workers=max(1, len(specs))) as pool:
        return list(pool.map(one, specs))
