"""Who takes part, by memory class: the share of the rounds' reports that came from each quarter of the clients."""

from __future__ import annotations

import pandas as pd

from reports.data import Block, Column, Entry, Paragraph, Section, Table
from reports.study.facts import MAIN, Facts, methods_in_order
from reports.tables import share, word

QUARTERS = 4
NAMES = ("least memory", "second quarter", "third quarter", "most memory")
INTRO = (
    "Clients are sorted by their memory into quarters; of each, the clients that ever took part, and its share of all "
    "reports. Whose data a model never sees, it cannot learn."
)


def section(facts: Facts) -> Section:
    blocks: list[Block] = [Paragraph(INTRO)]
    blocks += [_table(facts, group) for group in MAIN if (facts.studied["group"] == group).any()]
    if len(blocks) == 1:
        blocks = [Paragraph("No simulated clients with memory classes in this run.", "warn")]
    return Section(slug="participation", title="Who takes part", blocks=tuple(blocks))


def by_quarter(facts: Facts, group: str, method: str) -> pd.DataFrame:
    """Per quarter of memory (0 the least): `part`, the share of its clients with a report, and `reports`, its share."""
    own = facts.studied[(facts.studied["group"] == group) & (facts.studied["method"] == method)]
    rank = own.groupby("cell_id")["budget_bytes"].rank(pct=True, method="first").astype(float)
    rounds = own["rounds_done"].fillna(0).astype(float)
    rows = pd.DataFrame({"quarter": ((rank * QUARTERS - 1e-9) // 1).clip(0, QUARTERS - 1), "rounds": rounds})
    rows["part"] = rows["rounds"] > 0
    grouped = rows.groupby("quarter")
    reports = grouped["rounds"].sum()
    return pd.DataFrame({"part": grouped["part"].mean(), "reports": reports / reports.sum()})


def _table(facts: Facts, group: str) -> Table:
    columns = (
        Column("method"),
        *(Column(f"{name}: {what}", "number") for name in NAMES for what in ("took part", "of the reports")),
    )
    rows = tuple(_row(facts, group, method) for method in methods_in_order(facts, group))
    return Table(caption=f"Who takes part, by memory, {group}", columns=columns, rows=rows, note="All seeds together.")


def _row(facts: Facts, group: str, method: str) -> tuple[Entry, ...]:
    found = by_quarter(facts, group, method).reindex(range(QUARTERS))
    pairs = ((share(row["part"]), share(row["reports"])) for _, row in found.iterrows())
    return (word(method), *(entry for pair in pairs for entry in pair))
