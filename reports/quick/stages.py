"""Peaks stage by stage, for methods that train one block after another."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.compare import BASELINE, completed, workload
from reports.data import Block, Column, Entry, Figure, Paragraph, Table
from reports.labels import groups
from reports.quick import accuracy, figures
from reports.quick.facts import Facts
from reports.tables import change, count, listed, number, relative, size, word

AVERAGE = "mean over stages"
BASES = {"tensor_bytes": "base_tensor_bytes", "above_bytes": "base_above_bytes", "gross_bytes": "base_gross_bytes"}


def stage_peaks(facts: Facts) -> pd.DataFrame:
    """One row per completed cell, board and stage, for methods of several stages, with the baseline's peaks.

    A stage's peak is the largest of its rounds. Repeats stay apart: every row is one run.
    """
    rounds = facts.run.rounds.groupby(["cell_id", "board", "stage"], sort=False, dropna=True)
    peaks = rounds[["peak_tensor_bytes", "peak_process_bytes"]].max().reset_index()
    peaks = peaks[peaks.groupby(["cell_id", "board"])["stage"].transform("size") > 1]
    cells = completed(facts.cells).drop(columns=["peak_tensor_bytes", "peak_process_bytes"])
    out = cells.merge(peaks, on=["cell_id", "board"], how="inner")
    out["tensor_bytes"], out["gross_bytes"] = out["peak_tensor_bytes"], out["peak_process_bytes"]
    out["above_bytes"] = out["peak_process_bytes"] - out["floor_bytes"]
    return _with_base(out, facts.rows)


def averages(peaks: pd.DataFrame) -> pd.DataFrame:
    """The mean over stages of each cell and board; missing where one stage is."""
    keys = ["cell_id", "board", "group", "label", "method", "repeat"]
    grouped = peaks.groupby(keys, sort=False, dropna=False)
    columns = [*BASES, *BASES.values()]
    whole = grouped[columns].count().eq(grouped.size(), axis=0)
    return grouped[columns].mean().where(whole).reset_index().assign(stage=AVERAGE)


def stage_blocks(facts: Facts) -> list[Block]:
    """A figure for one board of each group, and a table with every board and the mean over stages."""
    peaks = stage_peaks(facts)
    if peaks.empty:
        return [Paragraph("No method with several stages completed: there are no peaks per stage.", "warn")]
    blocks: list[Block] = []
    for group, rows in groups(peaks[peaks["group"] != accuracy.GROUP]):
        title = f"group {group}: {workload(rows)}"
        if rows["base_tensor_bytes"].notna().any():  # without the line of the baseline the table says it all
            blocks.append(_figure(facts, group, title, rows))
        blocks.append(_table(title, rows))
    return blocks


def _with_base(peaks: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Add the baseline's peaks, found by what identifies a merged row."""
    keys = ["board", "group", "label"]
    return peaks.merge(rows.drop_duplicates(keys)[[*keys, *BASES.values()]], on=keys, how="left")


def _figure(facts: Facts, group: str, title: str, rows: pd.DataFrame) -> Figure:
    rows = rows[rows["base_tensor_bytes"].notna()]
    first = rows[(rows["board"] == rows["board"].iloc[0]) & (rows["repeat"] == rows["repeat"].iloc[0])]
    board = figures.board_title(first.iloc[0])
    base = number(first["base_tensor_bytes"].iloc[0])
    return Figure(
        name=f"stages-{group}",
        caption=f"Tensor peak of each stage on {board}, {title}. Dashed: {BASELINE}'s peak.",
        alt=f"Bars of the tensor peak of {listed(first['stage'])}; the numbers are in the table below.",
        svg=figures.stages(f"stages-{group}", first, base, facts.colours),
    )


def _table(title: str, rows: pd.DataFrame) -> Table:
    shown = []
    for _, own in rows.groupby(["cell_id", "board"], sort=False):
        shown += [_row(row) for _, row in pd.concat([own, averages(own)]).iterrows()]
    return Table(
        caption=f"Peak memory of each stage, {title}",
        columns=(
            Column("board"),
            Column("method"),
            Column("repeat", "number"),
            Column("stage"),
            Column("tensor, MiB", "number"),
            Column("Δ tensor", "number"),
            Column("process above floor, MiB", "number"),
            Column("Δ process above floor", "number"),
            Column("process gross, MiB", "number"),
            Column("Δ process gross", "number"),
        ),
        rows=tuple(shown),
    )


def _row(row: Any) -> tuple[Entry, ...]:
    pairs = [(size(row[own]), change(relative(row[own], row[base]))) for own, base in BASES.items()]
    names = (word(row["board"]), word(row["label"]), count(row["repeat"]), word(row["stage"]))
    return (*names, *(entry for pair in pairs for entry in pair))
