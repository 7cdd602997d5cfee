"""The frames as CSV and parquet, each column's type and meaning beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from harness.frame.schema import FRAMES


def write_tables(frames: Mapping[str, pd.DataFrame], out: Path) -> list[Path]:
    """`<frame>.csv`, `<frame>.parquet` and `columns.json`; an empty field is a value that nobody measured."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, frame in frames.items():
        written += [out / f"{name}.csv", out / f"{name}.parquet"]
        frame.to_csv(written[-2], index=False)
        frame.to_parquet(written[-1], index=False)
    columns = {name: [asdict(column) for column in FRAMES[name]] for name in frames}
    written.append(out / "columns.json")
    written[-1].write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")
    return written
