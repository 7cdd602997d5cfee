"""A small job on real data, for tests that train."""

from __future__ import annotations

from typing import Any

from fl_core.job import Job


def small_job(method: str, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "method": method,
        "model": "cnn",
        "dataset": "digits",
        "partition": {"kind": "iid"},
        "clients": ["a", "b", "c"],
        "batch": 32,
        "rounds": 3,
        "learning_rate": 0.05,
        "momentum": 0.9,
        "seed": 7,
    }
    return Job(**{**values, **changes})
