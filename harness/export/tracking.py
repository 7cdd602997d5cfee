"""Cells as entries of an experiment tracker: plain JSON in the shape of MLflow's runs, and MLflow itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import pandas as pd

from harness.errors import FedRackError

PARAMETERS = ("group", "method", "model", "dataset", "batch", "rounds", "seed", "threads", "allocator", "repeat",
              "budget_bytes")  # fmt: skip
TAGS = ("board", "board_class", "virtual", "outcome", "outcome_detail", "torch_version", "circumstances_id",
        "objections")  # fmt: skip
METRICS = (
    "peak_tensor_bytes", "peak_process_bytes", "floor_bytes", "round_s", "compute_s", "exchange_s", "download_s",
    "upload_s", "energy_j", "net_energy_j", "accuracy",
)  # fmt: skip


def entries(cells: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One per cell and board: name, params, tags, metrics. What nobody measured is left out."""
    for _, row in cells.iterrows():
        yield {
            "name": f"{row['cell_id']}-{row['board']}",
            "params": {name: _plain(row[name]) for name in PARAMETERS if not pd.isna(row[name])},
            "tags": {"run_id": manifest.get("run_id"), **{name: row[name] for name in TAGS if not pd.isna(row[name])}},
            "metrics": {name: float(row[name]) for name in METRICS if not pd.isna(row[name])},
        }


def log_to_mlflow(every: list[dict[str, Any]], experiment: str) -> None:
    """Write the entries where MLFLOW_TRACKING_URI points. Raises `FedRackError` where mlflow is not installed."""
    try:
        mlflow: Any = import_module("mlflow")
    except ImportError:
        raise FedRackError(
            "mlflow is not installed", remedy="pip install mlflow, or take the same entries from tracking.json"
        ) from None
    mlflow.set_experiment(experiment)
    for entry in every:
        with mlflow.start_run(run_name=entry["name"]):
            mlflow.log_params(entry["params"])
            mlflow.set_tags(entry["tags"])
            mlflow.log_metrics(entry["metrics"])


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else int(value)
