"""Who works within a memory budget, and what a round costs there."""

from __future__ import annotations

from typing import Any

from reports.compare import with_failed, workload
from reports.data import Column, Entry, Paragraph, Section, Table
from reports.quick.facts import Facts
from reports.smartsplit.facts import BUDGET
from reports.tables import budget, outcome, quantity, row_mark, size, virtual_mark, word


def section(facts: Facts) -> Section:
    """Every method of the group, those that did not fit among them."""
    cells = facts.cells[facts.cells["group"] == BUDGET]
    if cells.empty:
        missing = Paragraph("The run has no cell of group 'budget'.", "warn")
        return Section(slug="budget", title="Within a budget", blocks=(missing,))
    rows = with_failed(cells, facts.rows[facts.rows["group"] == BUDGET])
    columns = ("tensor peak, MiB", "process peak, MiB", f"round, s{virtual_mark(rows)}")
    table = Table(
        caption=f"Every method under a budget for the whole process, {workload(rows)}",
        columns=(
            Column("board"),
            Column("budget"),
            Column("method"),
            Column("outcome", "chip"),
            *(Column(c, "number") for c in columns),
        ),
        rows=tuple(_row(rows, row) for _, row in rows.iterrows()),
    )
    return Section(slug="budget", title="Within a budget", blocks=(table,))


def _row(rows: Any, row: Any) -> tuple[Entry, ...]:
    return (
        word(row["board"]),
        word(budget(row["budget_bytes"])),
        word(row["method"]),
        outcome(row["outcome"], row["repeats"], row["tries"]),
        size(row["tensor_bytes"]),
        size(row["gross_bytes"]),
        quantity(row["round_s"], mark=row_mark(rows, row)),
    )
