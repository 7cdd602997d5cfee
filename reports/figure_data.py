"""The numbers behind each figure and table of a report, as CSV beside its name."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_figure_data(report: Path, out: Path) -> list[Path]:
    """`report`: a report.json. Tables give the value behind each text, traces their points; figures their SVG."""
    data = json.loads(report.read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for block in (block for section in data["sections"] for block in section["blocks"]):
        if block["kind"] == "table":
            written.append(_csv(out / f"table-{block['number']:02d}.csv", _table(block)))
        elif block["kind"] == "traces":
            written.append(_csv(out / f"figure-{block['number']:02d}.csv", _traces(block)))
        if "svg" in block:
            written.append(out / f"figure-{block['number']:02d}.svg")
            written[-1].write_text(block["svg"], encoding="utf-8")
    return written


def _table(block: Mapping[str, Any]) -> list[list[Any]]:
    head = [column["name"] for column in block["columns"]]
    return [head, *([entry["value"] for entry in row] for row in block["rows"])]


def _traces(block: Mapping[str, Any]) -> list[list[Any]]:
    points = [
        [line["board"], line["method"], x, y]
        for line in block["lines"]
        for x, y in zip(line["x"], line["y"], strict=True)
    ]
    return [["board", "method", block["x_name"], block["y_name"]], *points]


def _csv(path: Path, rows: list[list[Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path
