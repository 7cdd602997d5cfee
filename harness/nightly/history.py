"""The history of nights: one tidy parquet file, a row per night, board, cell and metric."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from harness.control import GROUP as CONTROL
from harness.control import unstable
from harness.errors import FedRackError

FORMAT = 1
METRICS = ("round_s", "compute_s", "tensor_bytes", "above_bytes", "energy_j")
SERIES = ("board", "cell", "metric")
COLUMNS = {
    "run_id": "string",  # sorts by time: one run is one night
    "board": "string",  # the name in the inventory: stable whatever the board tells of itself
    "board_class": "string",
    "virtual": "string",
    "cell": "string",  # group, label and workload in words: the same in every night
    "metric": "string",
    "value": "Float64",
    "repeats": "Int64",
    "unstable": "boolean",  # the board's control workload did not repeat that night
    "code": "string",  # digest of what was deployed
    "board_state": "string",  # digest of the board's software, and of the circumstances of the cell
}


class Table(NamedTuple):
    """The history as a matrix: nights down, series across."""

    nights: tuple[str, ...]  # run ids
    series: tuple[tuple[str, str, str], ...]  # board, cell, metric
    values: np.ndarray  # shape (nights, series); NaN where a night has none


def rows_of(merged: pd.DataFrame, manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A run's rows, from its repeats' medians (`reports.compare.merged`)."""
    shaky = {str(board) for board, own in merged[merged["group"] == CONTROL].groupby("board") if _shaky(own)}
    for _, row in merged.iterrows():
        for metric in METRICS:
            if pd.isna(row[metric]):
                continue
            yield {
                "run_id": manifest.get("run_id"),
                **{name: row[name] for name in ("board", "board_class", "virtual")},
                "cell": f"{row['group']}: {row['label']}, {row['model']} on {row['dataset']}, batch {row['batch']}",
                "metric": metric,
                "value": float(row[metric]),
                "repeats": int(row["repeats"]),
                "unstable": row["board"] in shaky,
                "code": manifest.get("code"),
                "board_state": _state(manifest, row),
            }


def _shaky(control: pd.DataFrame) -> bool:
    return any(unstable(list(values)) for values in control["each_compute_s"])


def _state(manifest: Mapping[str, Any], row: Any) -> str:
    """Software and circumstances; nothing that changes by itself, such as a clock reading or free memory."""
    facts = (manifest.get("boards", {}).get(row["board"]) or {}).get("facts") or {}
    told = [facts.get(name) for name in ("python", "machine", "system", "cpu_count")]
    text = json.dumps([*told, *(str(row[name]) for name in ("torch_version", "circumstances_id", "budget_kind"))])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read(path: Path) -> pd.DataFrame:
    """The history so far; empty where there is none. Raises `FedRackError` for a file of another format."""
    if not path.is_file():
        return _typed(pd.DataFrame())
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are both
        raise FedRackError(f"{path}: cannot be read ({error})", remedy="restore it, or begin a new history") from None
    found = frame.attrs.get("format")
    if found != FORMAT:
        age = (
            "no format version"
            if found is None
            else f"format {found}, which is too {'new' if found > FORMAT else 'old'}"
        )
        raise FedRackError(
            f"{path}: {age}; this FedRack reads {FORMAT}", remedy="update FedRack, or begin a new history"
        )
    return _typed(frame)


def append(path: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """The history with a night added, also written, whole or not at all. The same run again replaces its rows."""
    before = read(path)
    kept = before[~before["run_id"].isin(rows["run_id"])]
    every = _typed(pd.concat([kept, _typed(rows)]) if len(kept) else rows)
    every = every.sort_values(["run_id", *SERIES], kind="stable").reset_index(drop=True)
    every.attrs["format"] = FORMAT
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    every.to_parquet(temporary, index=False)
    temporary.replace(path)
    return every


def as_table(history: pd.DataFrame) -> Table:
    """Nights of unstable boards have no value: they may neither raise an alarm nor move a baseline."""
    nights = tuple(sorted(history["run_id"].unique()))
    sound = history[~history["unstable"].fillna(False)].drop_duplicates(["run_id", *SERIES])
    wide = sound.pivot(index="run_id", columns=list(SERIES), values="value").reindex(nights)
    return Table(
        nights,
        tuple((key[0], key[1], key[2]) for key in wide.columns.to_flat_index()),
        wide.to_numpy(dtype=float, na_value=np.nan),
    )


def _typed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.reindex(columns=list(COLUMNS)).astype(COLUMNS)
