"""Where every number comes from: a row per cell and board, which the tables' names link to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.data import Column, Entry, Section, Table
from reports.read import Run
from reports.tables import count, quantity, word

INTRO_NOTE = (
    "Circumstances: what held around the cell, short of what the board does not have; equal marks may be averaged. "
    "Raw files: how many lie in cells/<cell>/, each with its SHA-256 in manifest.json."
)


def provenance(run: Run, cells: pd.DataFrame) -> Section:
    """One table; its rows are the anchors of the links."""
    held = _held(run)
    files = _files(run.manifest.get("files") or {})
    rows = [row for _, row in cells.iterrows()]
    table = Table(
        caption="Provenance of every cell",
        columns=(
            Column("cell", "code"),
            Column("group"),
            Column("board"),
            Column("method"),
            Column("repeat", "number"),
            Column("seed", "number"),
            Column("torch"),
            Column("clock ±, ms", "number"),
            Column("mark", "code"),
            Column("circumstances", "prose"),
            Column("parameters", "code"),
            Column("raw files", "number"),
        ),
        rows=tuple(_row(row, held, files) for row in rows),
        note=INTRO_NOTE,
        anchors=tuple(anchor(row) for row in rows),
    )
    return Section(slug="provenance", title="Provenance", blocks=(table,))


def anchor(row: Any) -> str:
    """The id of a cell's row."""
    return f"cell-{row['cell_id']}-{row['board']}"


def linked(row: Any, column: str = "label") -> Entry:
    """A name that leads to the provenance of its cell."""
    text = str(row[column])
    return Entry(text, text, link=anchor(row))


def _row(row: Any, held: Mapping[tuple[str, str], str], files: Mapping[str, int]) -> tuple[Entry, ...]:
    digest = row["parameters_sha256"]
    return (
        word(row["cell_id"]),
        word(row["group"]),
        word(row["board"]),
        word(row["label"]),
        count(row["repeat"]),
        count(row["seed"]),
        word(row["torch_version"]),
        quantity(row["clock_uncertainty_s"] * 1e3, 2),
        word(row["circumstances_id"]),
        word(held.get((row["cell_id"], row["board"]))),
        word(None if pd.isna(digest) else digest[:12]),
        count(files.get(row["cell_id"])),
    )


def _held(run: Run) -> dict[tuple[str, str], str]:
    told = run.circumstances.dropna(subset=["value"])
    return {
        (str(cell), str(board)): "; ".join(
            f"{name} {value}".replace("_", " ") for name, value in zip(own["name"], own["value"], strict=True)
        )
        for (cell, board), own in told.groupby(["cell_id", "board"], sort=False)
    }


def _files(names: Mapping[str, str]) -> dict[str, int]:
    """Cell -> number of its files in the manifest."""
    found: dict[str, int] = {}
    for name in names:
        parts = name.split("/")
        if parts[0] == "cells" and len(parts) > 2:
            found[parts[1]] = found.get(parts[1], 0) + 1
    return found
