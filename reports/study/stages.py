"""Memory of each stage beside full training, by batch: the ledger's figure, the measured tensor and process peaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas

from reports.compare import completed, workload
from reports.data import Block, Column, Entry, Figure, Finding, Paragraph, Section, Table
from reports.figures import Bar, bars, draw, grid
from reports.statistics import Estimate
from reports.study.facts import MEMORY, UNLIMITED, Facts
from reports.tables import change, listed, percent, relative, size, word

LEVELS = {"analytic_bytes": "ledger", "tensor_bytes": "tensor peak", "above_bytes": "process peak above floor"}
AVERAGE, PEAK = "average of stages", "largest stage"
INTRO = (
    "The ledger reckons plain training of what the device holds in a stage, options that save memory left out; the "
    "tensor peak is measured while two steps run. Averages are over stages, unweighted. Of simulated clients there is "
    "no process peak: run the report's cells on boards for it (make bench)."
)


def section(facts: Facts) -> Section:
    found = stage_peaks(facts)
    batches = list(found["batch"].dropna().unique())
    blocks: list[Block] = [Paragraph("No cell of this run shows the memory of stages beside full training.", "warn")]
    if batches:
        blocks = [
            Paragraph(INTRO),
            _figure(facts, found),
            *(_table(found[found["batch"] == batch]) for batch in batches),
        ]
    return Section(slug="memory", title="Memory of each stage", blocks=tuple(blocks))


def stage_peaks(facts: Facts) -> pd.DataFrame:
    """One row per batch, method with its options, and stage: bytes at each level, and full training's as `base_*`.

    The largest over boards and rounds. Only where full training completed beside it.
    """
    cells = completed(facts.cells)
    cells = cells[cells["group"] == MEMORY][
        ["cell_id", "board", "label", "method", "model", "dataset", "batch", "floor_bytes"]
    ]
    rounds = facts.run.rounds[
        ["cell_id", "board", "stage", "analytic_bytes", "peak_tensor_bytes", "peak_process_bytes"]
    ]
    rows = cells.merge(rounds, on=["cell_id", "board"], how="inner")
    rows["tensor_bytes"] = rows["peak_tensor_bytes"]
    rows["above_bytes"] = rows["peak_process_bytes"] - rows["floor_bytes"]
    keys = ["batch", "method", "label", "model", "dataset", "stage"]
    peaks = rows.groupby(keys, sort=False, dropna=False)[list(LEVELS)].max().reset_index()
    base = peaks[peaks["method"] == UNLIMITED].drop_duplicates("batch")
    renamed = base[["batch", *LEVELS]].rename(columns={level: f"base_{level}" for level in LEVELS})
    return peaks[peaks["method"] != UNLIMITED].merge(renamed, on="batch", how="inner")


def summed(own: pd.DataFrame, how: str) -> dict[str, float | None]:
    """Level -> relative change against full training of the average or the largest stage; None where not measured."""
    found: dict[str, float | None] = {}
    for level in LEVELS:
        values = own[level].dropna()
        whole = len(values) == len(own)
        value = values.mean() if how == AVERAGE else values.max()
        found[level] = relative(value, own[f"base_{level}"].iloc[0]) if whole else None
    return found


def savings(facts: Facts, how: str) -> dict[str, Estimate]:
    """`smartfreeze, batch 32, tensor peak` -> change in %, of every variant and batch."""
    found = stage_peaks(facts)
    out: dict[str, Estimate] = {}
    for (label, batch), own in found.groupby(["label", "batch"], sort=False):
        for level, value in summed(own, how).items():
            if value is not None:
                out[f"{label}, batch {batch}, {LEVELS[level]}"] = Estimate(100 * value)
    return out


def findings(facts: Facts, how: str) -> Iterator[Finding]:
    for (label, batch), own in stage_peaks(facts).groupby(["label", "batch"], sort=False):
        value = summed(own, how)["tensor_bytes"]
        if value is not None:
            text = (
                f"{label}, batch {batch}: {how} {percent(abs(value))} {'below' if value < 0 else 'above'} full training"
            )
            yield Finding("Memory", f"{text} (tensor peak).", "good" if value < 0 else "warn")


def _table(own: pd.DataFrame) -> Table:
    columns = [Column("method"), Column("stage")]
    for words in LEVELS.values():
        columns += [Column(f"{words}, MiB", "number"), Column(f"Δ {words}", "number")]
    rows: list[tuple[Entry, ...]] = []
    for label, stages in own.groupby("label", sort=False):
        rows += [_row(row) for _, row in stages.iterrows()]
        rows += [_sum_row(str(label), stages, how) for how in (AVERAGE, PEAK)]
    full = ", ".join(
        f"{words} {size(own[f'base_{level}'].iloc[0]).text} MiB"
        for level, words in LEVELS.items()
        if own[f"base_{level}"].notna().any()
    )
    return Table(
        caption=f"Memory of each stage, {workload(own)}",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"Full training: {full}.",
    )


def _row(row: Any) -> tuple[Entry, ...]:
    pairs = ((size(row[level]), change(relative(row[level], row[f"base_{level}"]))) for level in LEVELS)
    return (word(row["label"]), word(row["stage"]), *(entry for pair in pairs for entry in pair))


def _sum_row(label: str, stages: pd.DataFrame, how: str) -> tuple[Entry, ...]:
    changes = summed(stages, how)
    values = {level: stages[level].mean() if how == AVERAGE else stages[level].max() for level in LEVELS}
    pairs = ((size(values[level] if changes[level] is not None else None), change(changes[level])) for level in LEVELS)
    return (word(label), word(how), *(entry for pair in pairs for entry in pair))


def _figure(facts: Facts, found: pd.DataFrame) -> Figure:
    batches = list(found["batch"].unique())
    return Figure(
        name="stages",
        caption="Tensor peak of each stage as a share of full training's, %, by batch.",
        alt=f"Bars for the stages of {listed(found['label'].unique())}; the numbers are in the tables below.",
        svg=draw("stages", lambda: _paint(found, batches, facts.colours)),
    )


def _paint(found: pd.DataFrame, batches: list[Any], colours: Mapping[str, str]) -> Canvas:
    first = found[found["batch"] == batches[0]]
    canvas, axes = grid([len(first)], len(batches))
    for panel, batch in zip(axes[0], batches, strict=True):
        own = found[found["batch"] == batch]
        shares = [
            None if pd.isna(row["tensor_bytes"]) else 100 * float(row["tensor_bytes"] / row["base_tensor_bytes"])
            for _, row in own.iterrows()
        ]
        names = [f"{row['label']}: {row['stage']}" for _, row in own.iterrows()]
        bars(
            panel,
            [
                Bar(name, value, colours[method])
                for name, value, method in zip(names, shares, own["method"], strict=True)
            ],
        )
        panel.set_xlabel(f"% of full, batch {batch}")
        if batch != batches[0]:
            panel.set_yticklabels([])
    return canvas
