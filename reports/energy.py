"""Energy: what each witness says of the measured rounds, gross and net of rest, with what it covers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.data import Block, Column, Entry, Paragraph, Section, Table
from reports.read import Run
from reports.tables import MISSING, quantity, row_mark, virtual_mark, word

INTRO = (
    "Gross: trapezoid over the samples, or a counter's difference, over the measured rounds. Net: the same less what "
    "the board drew at rest before and after the cell. Two witnesses differ where they cover different things."
)
NOBODY = "No board of this run has told any power: energy is missing, which is not zero."


def energy(run: Run, cells: pd.DataFrame) -> Section:
    """One table per run; a sentence where nobody measured."""
    rows = run.energy[run.energy["window"] == "rounds"]
    blocks: list[Block] = [Paragraph(NOBODY)]
    if len(rows):
        names = cells[["cell_id", "board", "label", "virtual"]]
        blocks = [Paragraph(INTRO), _table(rows.merge(names, on=["cell_id", "board"], how="left"))]
        silent = sorted(set(cells[cells["outcome"] == "completed"]["board"]) - set(rows["board"]))
        blocks += [Paragraph(f"{board} told no power: its energy is missing, not zero.", "warn") for board in silent]
    return Section(slug="energy", title="Energy", blocks=tuple(blocks))


def _table(rows: pd.DataFrame) -> Table:
    mark = virtual_mark(rows)
    columns = (
        Column("board"),
        Column("cell"),
        Column("witness"),
        Column(f"gross, J{mark}", "number"),
        Column("±, J", "number"),
        Column(f"net, J{mark}", "number"),
        Column("±, J", "number"),
        Column(f"mean power, W{mark}", "number"),
        Column("covers", "prose"),
        Column("warnings", "prose"),
    )
    return Table(
        caption="Energy of the measured rounds",
        columns=columns,
        rows=tuple(_row(rows, row) for _, row in rows.iterrows()),
        note="±: half width of about 95 %, of sensor, sampling and gaps; missing for a net figure where rest was "
        "measured on one side only.",
    )


def _row(rows: pd.DataFrame, row: Any) -> tuple[Entry, ...]:
    mark = row_mark(rows, row)
    covers = f"{row['scope']} ({row['rails']})" if _there(row["rails"]) else row["scope"]
    return (
        word(row["board"]),
        word(row["label"]),
        word(row["source"]),
        quantity(row["energy_j"], 1, mark=mark),
        quantity(row["uncertainty_j"], 1),
        quantity(row["net_j"], 1, mark=mark),
        quantity(row["net_uncertainty_j"], 1),
        quantity(row["mean_power_w"], 2, mark=mark),
        word(covers),
        word(row["warnings"], "warn") if _there(row["warnings"]) else MISSING,
    )


def _there(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
