"""The control workload: the same small training on every board, every night. Where it does not repeat, nothing does."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

GROUP = "control"  # the study's block that holds it, with two repeats or more
LIMIT = 0.02  # of (max - min) / median of its computing time


def spread(values: Sequence[float]) -> float | None:
    """(max - min) / median; None of fewer than two values."""
    middle = statistics.median(values) if values else 0.0
    return (max(values) - min(values)) / middle if len(values) > 1 and middle else None


def unstable(values: Sequence[float]) -> bool:
    """Whether the repeats of the control workload differ by more than `LIMIT`."""
    found = spread(values)
    return found is not None and found > LIMIT
