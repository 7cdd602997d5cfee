"""What a row of the cells frame takes over from its cell, and how it sums up its rounds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

FROM_CELL = ("group", "method", "model", "dataset", "batch", "rounds", "seed", "threads", "allocator", "repeat")


def largest(values: Iterable[Any]) -> Any:
    """None of none."""
    known = [value for value in values if value is not None]
    return max(known) if known else None


def median(values: Iterable[Any]) -> float | None:
    """None of none."""
    known = [value for value in values if value is not None]
    return float(statistics.median(known)) if known else None
