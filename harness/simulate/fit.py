"""Speeds of board classes, fitted to the rounds of a measured run: the other end of `fl_core.virtual_time`."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fl_core.data.dataset import batch_count
from harness.errors import FedRackError
from harness.store import RunFolder

FULL_TRAINING = "fedavg"  # a stage's own time follows from its multiply-adds
FIELDS = ("sample_s", "down_bytes_per_s", "up_bytes_per_s", "latency_s")
_PHASES = ["download_s", "compute_s", "exchange_s", "upload_s"]


def fit_speeds(rounds: pd.DataFrame, samples_trained: pd.Series) -> dict[str, dict[str, float]]:
    """Class -> its four numbers, from columns `board_class`, `round_s`, the phases and bytes of the rounds frame.

    `samples_trained`: per row, samples times epochs. Rates are total over total, so that long rounds count for more;
    the latency is the median of what the phases leave of a round. A class with a missing number is left out.
    """
    table = rounds.assign(trained=samples_trained, rest=rounds["round_s"] - rounds[_PHASES].fillna(0.0).sum(axis=1))
    speeds: dict[str, dict[str, float]] = {}
    for name, rows in table.groupby("board_class"):
        total = rows[["compute_s", "trained", "download_bytes", "download_s", "upload_bytes", "upload_s"]].sum()
        if (total <= 0).any():
            continue
        speeds[str(name)] = {
            "sample_s": float(total["compute_s"] / total["trained"]),
            "down_bytes_per_s": float(total["download_bytes"] / total["download_s"]),
            "up_bytes_per_s": float(total["upload_bytes"] / total["upload_s"]),
            "latency_s": max(0.0, float(rows["rest"].median())),
        }
    return speeds


def measured_speeds(folder: RunFolder) -> dict[str, dict[str, float]]:
    """Of the board classes in a finished run, from its cells of full training. Raises `FedRackError` where no class has
    all four numbers."""
    verdicts = {v["cell_id"]: v for v in folder.verdicts() if v["cell"]["method"] == FULL_TRAINING}
    rounds = pd.read_parquet(folder.path / "rounds.parquet")
    rounds = rounds[rounds["cell_id"].isin(verdicts)].reset_index(drop=True)
    keys = list(zip(rounds["cell_id"], rounds["board"], rounds["samples"], strict=True))
    classes = [verdicts[cell]["boards"][board]["board_class"] for cell, board, _ in keys]
    trained = [_trained(verdicts[cell]["cell"], int(samples)) for cell, _, samples in keys]
    speeds = fit_speeds(rounds.assign(board_class=classes), pd.Series(trained, index=rounds.index))
    if not speeds:
        remedy = f"name a finished run with cells of {FULL_TRAINING}"
        raise FedRackError(f"{folder.path}: no round tells how fast a board is", remedy=remedy)
    return speeds


def _trained(cell: dict[str, Any], samples: int) -> int:
    """Samples that a client with so many works through in a round of this cell."""
    batch: int = cell["batch"]
    return min(batch, samples) * batch_count(samples, batch, cell["local_epochs"], cell["batches_per_round"])
