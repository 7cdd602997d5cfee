"""Where the time of a round goes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.compare import TRAFFIC, workload
from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.figures import PHASES
from reports.labels import groups
from reports.provenance import linked
from reports.quick import figures
from reports.quick.facts import Facts
from reports.tables import listed, quantity, row_mark, size, virtual_mark, word

INTRO = (
    "Every figure is a median of its own over the rounds, so the parts need not add up to the round. "
    "Energy is the mean over the measured rounds and what lies between them; missing where no sensor of the board "
    "saw them all."
)
DOUBT = " (?)"
DOUBTED = f"{DOUBT.strip()}: with warnings, which stand in the section on energy."
VIRTUAL = "Seconds and joules of virtual boards are synthetic: they show where time goes, not how fast a board is."


def section(facts: Facts) -> Section:
    """A picture and a table for each group of the study."""
    rows = facts.rows[facts.rows["round_s"].notna()]
    if rows.empty:
        missing = Paragraph("No cell completed a round: there is no latency to show.", "warn")
        return Section(slug="latency", title="Latency per round", blocks=(missing,))
    intro = Paragraph(f"{INTRO} {VIRTUAL}" if rows["virtual"].notna().any() else INTRO)
    blocks: list[Block] = [intro]
    for group, own in groups(rows):
        title = f"group {group}: {workload(own)}"
        blocks += [_figure(group, title, own), _table(title, own)]
    return Section(slug="latency", title="Latency per round", blocks=tuple(blocks))


def _figure(group: str, title: str, rows: pd.DataFrame) -> Figure:
    shown = figures.representatives(rows)
    return Figure(
        name=f"latency-{group}",
        caption=f"A round split into {listed(PHASES)}, seconds{virtual_mark(shown)}, {title}. "
        f"Each board has a scale of its own.{figures.left_out(rows, shown)}",
        alt=f"Stacked bars of the parts of a round for {listed(shown['label'].unique())}; "
        "the numbers are in the table.",
        svg=figures.latency(f"latency-{group}", shown),
    )


def _table(title: str, rows: pd.DataFrame) -> Table:
    mark = virtual_mark(rows)
    times = [Column(f"{name}, s{mark}", "number") for name in ("round time", *PHASES)]
    traffic = [Column(f"{name.removesuffix('_bytes')}, MiB", "number") for name in TRAFFIC]
    energies = [Column(f"energy a round, J{mark}", "number"), Column("±, J", "number")]
    return Table(
        caption=f"Median round{mark}, {title}",
        columns=(Column("board"), Column("method"), *times, *traffic, *energies),
        rows=tuple(_row(rows, row) for _, row in rows.iterrows()),
        note=DOUBTED if rows["energy_doubted"].any() else "",
    )


def _row(rows: pd.DataFrame, row: Any) -> tuple[Entry, ...]:
    mark = row_mark(rows, row)
    times = [quantity(row[f"{name}_s"], 3, mark=mark) for name in ("round", *PHASES)]
    traffic = [size(row[name]) for name in TRAFFIC]
    doubt = DOUBT if row["energy_doubted"] and not pd.isna(row["round_energy_j"]) else ""
    energies = [quantity(row["round_energy_j"], 2, mark=mark + doubt), quantity(row["round_energy_uncertainty_j"], 2)]
    return (word(row["board"]), linked(row), *times, *traffic, *energies)
