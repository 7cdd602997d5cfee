"""What each manager is for: the same study with one of them turned off."""

from __future__ import annotations

import json

import pandas as pd

from reports.data import Column, Entry, Paragraph, Section, Table
from reports.quick.accuracy import GROUP
from reports.quick.facts import Facts
from reports.tables import quantity, share, size, virtual_mark, word

MANAGERS = {"central": "central", "mec": "MEC", "on_device": "on-device"}
INTRO = (
    "On these boards all clients hold every cut and are equally fast, so the managers change where work is done and "
    "hardly what is learned. Where few boards hold the model they decide who takes part (make figures AREA=split)."
)


def section(facts: Facts) -> Section:
    rows = facts.rows[(facts.rows["group"] == GROUP) & (facts.rows["method"] == "smartsplit")]
    if rows.empty:
        missing = Paragraph("No cell of smartsplit completed in group 'accuracy'.", "warn")
        return Section(slug="ablation", title="Without one of the managers", blocks=(missing,))
    numbers = ("accuracy", "tensor peak, MiB", f"round, s{virtual_mark(rows)}")
    table = Table(
        caption="SmartSplit with all managers, and without each",
        columns=(Column("board"), Column("without"), *(Column(name, "number") for name in numbers)),
        rows=tuple(_row(row) for _, row in rows.iterrows()),
    )
    return Section(slug="ablation", title="Without one of the managers", blocks=(Paragraph(INTRO), table))


def _row(row: pd.Series) -> tuple[Entry, ...]:
    options = json.loads(row["options"])
    without = [words for name, words in MANAGERS.items() if not options.get(name, True)]
    return (
        word(row["board"]),
        word(", ".join(without) or "none"),
        share(row["accuracy"]),
        size(row["tensor_bytes"]),
        quantity(row["round_s"]),
    )
