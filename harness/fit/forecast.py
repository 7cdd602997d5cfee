"""The FL core's forecast for a set of boards, from a process that trains as a worker does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.board.board import ALLOCATORS
from harness.errors import FedRackError

SHAPE, CLASSES = (3, 32, 32), 10  # of CIFAR, which the models here are made for
MBIT_PER_S = 1e6 / 8


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A board's memory, in bytes of its process. None: no budget; the floor of this machine."""

    budget_bytes: int | None = None
    floor_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One way to train there; `fl_core.forecast.Choice` says what each field means."""

    method: str
    setting: str
    peak_tensor_bytes: int
    peak_process_bytes: int | None
    growth_bytes: float
    step_s: float | None
    round_bytes: int
    batch_bytes: int
    fits: bool | None
    largest_batch: int | None

    def batch_s(self, mbit_per_s: float) -> float | None:
        """A step and what it exchanges over a link of this rate."""
        return None if self.step_s is None else self.step_s + self.batch_bytes / (mbit_per_s * MBIT_PER_S)

    def process_bytes_at(self, batch: int, forecast_batch: int) -> int | None:
        """The predicted process peak of another batch."""
        if self.peak_process_bytes is None:
            return None
        return self.peak_process_bytes + round(self.growth_bytes * (batch - forecast_batch))


def forecast(model: str, batch: int, holders: Sequence[Holder]) -> list[list[Choice]]:
    """Each holder's choices. Raises `FedRackError` with the core's reason."""
    asked = {"model": model, "shape": SHAPE, "classes": CLASSES, "batch": batch, "boards": list(map(asdict, holders))}
    done = subprocess.run(
        [sys.executable, "-m", "fl_core.forecast"],
        input=json.dumps(asked),
        env={**os.environ, "OMP_NUM_THREADS": "1", **ALLOCATORS["fixed"]},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise FedRackError(f"{model} cannot be profiled here: {done.stderr.strip().splitlines()[-1]}")
    found: list[list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return [[Choice(**choice) for choice in choices] for choices in found]


def cheapest(choices: Sequence[Choice], mbit_per_s: float) -> Choice | None:
    """The one that takes the least time for a batch, of those that fit; None where none is known to."""
    timed = [(choice.batch_s(mbit_per_s), choice) for choice in choices if choice.fits]
    known = [(seconds, choice) for seconds, choice in timed if seconds is not None]
    return min(known, key=lambda pair: pair[0])[1] if known else None


def measured_floors(run: Path) -> Mapping[str, int]:
    """Board -> the median of its floors in a run. Raises `FedRackError` for a folder that is no run."""
    path = run / "cells.parquet"
    if not path.is_file():
        raise FedRackError(f"{run} has no cells.parquet", remedy="name a run folder, results/<report>/<run_id>")
    cells = pd.read_parquet(path, columns=["board", "floor_bytes"]).dropna()
    return {str(board): int(floor) for board, floor in cells.groupby("board")["floor_bytes"].median().items()}
