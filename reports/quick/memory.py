"""Memory: what a method needs, at the tensor level and at the process level, side by side."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.compare import BASELINE, LEVELS, with_failed, workload
from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.labels import groups
from reports.provenance import linked
from reports.quick import accuracy, figures
from reports.quick.facts import Facts
from reports.quick.stages import stage_blocks
from reports.tables import amount, change, count, listed, number, outcome, percent, relative, share, size, word

DISAGREE_SHARE = 0.15  # of the tensor peak; OURS

INTRO = (
    "Four figures, never confused. By arithmetic: what plain training of the device's part implies, before anybody "
    "trains and whatever the method then saves. Tensor: live tensor bytes while a step runs. Process above floor: what "
    "the kernel held resident for the worker, less its floor after the imports. Process gross: with that floor. "
    f"The budget limits the gross figure. Δ is the change against {BASELINE} on the same board under the same "
    "circumstances, at the level named, and is missing where that did not complete."
)


def section(facts: Facts) -> Section:
    """Per group of the study: figure, sentences, table; then the peaks stage by stage."""
    blocks: list[Block] = [Paragraph(INTRO)]
    every = with_failed(facts.cells, facts.rows)
    # The accuracy group's model is small; it has its table, last.
    ordered = sorted(groups(every), key=lambda pair: pair[0] == accuracy.GROUP)
    for group, rows in ordered:
        blocks += _group(facts, group, rows)
    if not ordered:
        blocks.append(Paragraph("No cell reached a board: there is no memory figure to show.", "warn"))
    return Section(slug="memory", title="Memory", blocks=(*blocks, *stage_blocks(facts)))


def _group(facts: Facts, group: str, rows: pd.DataFrame) -> list[Block]:
    title = f"group {group}: {workload(rows)}"
    table = _table(title, rows)
    if not rows["tensor_bytes"].notna().any() and not rows["gross_bytes"].notna().any():
        return [Paragraph(f"Group {group}: no cell completed, so nothing was measured.", "warn"), table]
    if group == accuracy.GROUP:
        return [table]
    return [_figure(facts, group, title, rows), *_follows(rows), table]


def _figure(facts: Facts, group: str, title: str, rows: pd.DataFrame) -> Figure:
    shown = figures.representatives(rows)
    return Figure(
        name=f"memory-{group}",
        caption=f"Peak memory, {title}. Left: tensor level. Right: process above floor, on the same scale; a dashed "
        f"line is what the budget leaves above the floor.{figures.left_out(rows, shown)}",
        alt=f"Bars of the tensor peak and the process peak above the floor for {listed(shown['label'].unique())} "
        f"on {listed(shown['board'].unique())}; the numbers are in the table below.",
        svg=figures.memory(f"memory-{group}", shown, facts.colours),
    )


def _follows(rows: pd.DataFrame) -> list[Block]:
    """One sentence per board and method: how much of the tensor saving shows in the process peak."""
    shown = figures.representatives(rows[rows["method"] != BASELINE])
    sentences = filter(None, (_follow(row) for _, row in shown.iterrows()))
    return [Paragraph(sentence) for sentence in [*sentences, *_disagreements(figures.representatives(rows))]]


def _disagreements(rows: pd.DataFrame) -> list[str]:
    """A sentence per board whose figures of one memory do not agree: which, by how much, and what stands between."""
    found = []
    for board, own in rows.groupby("board", sort=False):
        gaps = [gap for _, row in own.iterrows() if (gap := _gap(row))]
        if gaps:
            found.append(
                f"{board}: process above floor and tensors differ by more than {percent(DISAGREE_SHARE)} for "
                f"{listed(gaps)}. Between them stand what libraries and the allocator hold beside tensors, and what a "
                "step of the data plane keeps; the benchmark of the measurement plane takes it apart."
            )
    return found


def _gap(row: Any) -> str:
    tensor, above = number(row["tensor_bytes"]), number(row["above_bytes"])
    if tensor is None or above is None or abs(above - tensor) <= DISAGREE_SHARE * tensor:
        return ""
    return f"{row['label']} ({amount(abs(above - tensor))} {'more' if above > tensor else 'less'} in the process)"


def _follow(row: Any) -> str:
    saved = _saved(row, "tensor_bytes")
    seen = _saved(row, "above_bytes")
    if saved is None or seen is None:
        return ""
    start = f"{row['board']}, {row['label']}: the tensor peak is {amount(abs(saved))} "
    if saved <= 0:
        return start + f"above {BASELINE}'s, so there is no saving that the process peak could follow."
    return start + f"below {BASELINE}'s; {percent(seen / saved)} of that shows in the process peak above floor."


def _saved(row: Any, column: str) -> float | None:
    base, own = number(row[f"base_{column}"]), number(row[column])
    return None if base is None or own is None else base - own


def _table(title: str, rows: pd.DataFrame) -> Table:
    repeated = bool((rows["repeats"] > 1).any())
    extra = (Column("repeats", "number"), Column("spread (process above floor)", "number")) if repeated else ()
    levels = [(f"{words}, MiB", f"Δ {words}") for words in LEVELS.values()]
    columns = (
        Column("board"),
        Column("method"),
        Column("budget, MiB", "number"),
        Column("by arithmetic, MiB", "number"),
        *(Column(name, "number") for pair in levels for name in pair),
        *extra,
        Column("outcome", "chip"),
    )
    return Table(
        caption=f"Peak memory, {title}",
        columns=columns,
        rows=tuple(_row(row, repeated) for _, row in rows.iterrows()),
        note="Repeats under identical circumstances: their median; spread: (max − min) / median." if repeated else "",
    )


def _row(row: Any, repeated: bool) -> tuple[Entry, ...]:
    figures_ = [entry for level in LEVELS for entry in (size(row[level]), _change(row, level))]
    extra = [count(row["repeats"]), share(row["spread"])] if repeated else []
    ended = outcome(row["outcome"], row["repeats"], row["tries"])
    return (
        word(row["board"]),
        linked(row),
        size(row["budget_bytes"]),
        size(row["analytic_bytes"]),
        *figures_,
        *extra,
        ended,
    )


def _change(row: Any, level: str) -> Entry:
    own_baseline = row["method"] == BASELINE
    return change(None if own_baseline else relative(row[level], row[f"base_{level}"]))
