"""A run folder -> its manifest and frames. What is missing becomes a sentence, not an exception."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from harness.errors import FedRackError
from harness.frame.schema import FORMAT as FRAMES_FORMAT
from harness.frame.schema import FRAMES

FORMAT = 1  # of manifest.json


@dataclass(frozen=True, kw_only=True)
class Run:
    """One finished or interrupted run. Frames have exactly the schema's columns and types, and may be empty."""

    folder: Path
    manifest: Mapping[str, Any]
    cells: pd.DataFrame
    rounds: pd.DataFrame
    phases: pd.DataFrame
    samples: pd.DataFrame
    sensors: pd.DataFrame
    energy: pd.DataFrame
    circumstances: pd.DataFrame
    gaps: tuple[str, ...]  # one sentence for each file that could not be read

    @property
    def boards(self) -> Mapping[str, Mapping[str, Any]]:
        """The boards as the manifest describes them; empty where it does not."""
        return self.manifest.get("boards") or {}


def read_run(folder: Path) -> Run:
    """Read a run. Raises `FedRackError` where there is no manifest of our format."""
    manifest = _manifest(folder / "manifest.json")
    frames: dict[str, pd.DataFrame] = {}
    gaps = []
    for name in FRAMES:
        frames[name], gap = _frame(folder / f"{name}.parquet")
        gaps += [gap] if gap else []
    return Run(folder=folder, manifest=manifest, gaps=tuple(gaps), **frames)


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FedRackError(f"{path}: no such file", remedy="name a run folder, results/<report>/<run_id>") from None
    except ValueError as error:
        raise FedRackError(f"{path}: not JSON ({error})", remedy="run the benchmark again") from None
    check_format(str(path), manifest.get("format") if isinstance(manifest, dict) else None)
    return dict(manifest)


def check_format(source: str, found: object) -> None:
    """The three sentences: no version, too old, too new."""
    if not isinstance(found, int):
        raise FedRackError(f"{source}: carries no format version", remedy="name a folder that FedRack wrote")
    if found < FORMAT:
        raise FedRackError(
            f"{source}: format {found} is too old, this FedRack reads {FORMAT}",
            remedy="run the benchmark again, or build the report with the FedRack that wrote it",
        )
    if found > FORMAT:
        raise FedRackError(f"{source}: format {found} is too new, this FedRack reads {FORMAT}", remedy="update FedRack")


def _frame(path: Path) -> tuple[pd.DataFrame, str]:
    """The file's table in the schema's columns, and a sentence where the file could not be read."""
    try:
        frame = pd.read_parquet(path)
        version = frame.attrs.get("format", FRAMES_FORMAT)  # early runs have none, and the manifest vouches for them
        if version == FRAMES_FORMAT:
            return _typed(frame, path.stem), ""
        age = "new" if version > FRAMES_FORMAT else "old"
        gap = f"{path.name}: format {version} is too {age}, this FedRack reads {FRAMES_FORMAT}."
    except FileNotFoundError:
        gap = f"{path.name} is not in the run folder."
    except (OSError, ValueError, TypeError) as error:  # pyarrow's own errors are the first two
        gap = f"{path.name} could not be read: {error}."
    return _typed(pd.DataFrame(), path.stem), gap


def _typed(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    dtypes = {column.name: column.dtype for column in FRAMES[name]}
    return frame.reindex(columns=list(dtypes)).astype(dtypes)
