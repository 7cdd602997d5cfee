"""Memory on the device against the cut."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure as Canvas

from harness.units import mib
from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.figures import WIDTH_IN, draw
from reports.quick.facts import Facts
from reports.smartsplit.facts import CutRow, by_board, cut_rows, local
from reports.tables import MISSING, count, quantity, size, word

INTRO = (
    "A cut is named by the number of units (a convolution or residual unit) that stay on the device. “smartsplit” here "
    "has its managers of cuts turned off: what differs from “split” is the leanest recompute plan, and micro-batches "
    "where they are named. Training everything on the board is the line."
)


def section(facts: Facts) -> Section:
    rows = cut_rows(facts)
    if not rows:
        missing = Paragraph("No cell of group 'memory' completed: memory against the cut is not known.", "warn")
        return Section(slug="memory", title="Device memory against the cut", blocks=(missing,))
    board, own = next(iter(by_board(rows).items()))
    blocks: tuple[Block, ...] = (Paragraph(INTRO), _figure(board, own, facts), _table(rows))
    return Section(slug="memory", title="Device memory against the cut", blocks=blocks)


def folds(rows: list[CutRow]) -> dict[str, tuple[CutRow, float]]:
    """Board -> the leanest cut and how many times smaller its tensor peak is than full training's."""
    found = {}
    for board, own in by_board(rows).items():
        full, split = local(own), [row for row in own if row.cut and row.tensor_bytes]
        if full is not None and full.tensor_bytes and split:
            leanest = min(split, key=lambda row: row.tensor_bytes or 0.0)
            found[board] = (leanest, full.tensor_bytes / (leanest.tensor_bytes or 1.0))
    return found


def _figure(board: str, rows: list[CutRow], facts: Facts) -> Figure:
    def paint() -> Canvas:
        canvas = Canvas(figsize=(WIDTH_IN, 2.9), layout="constrained")
        axes = canvas.subplots()
        for (method, pieces), own in _curves(rows).items():
            points = sorted((row.cut, mib(row.tensor_bytes or 0.0)) for row in own if row.tensor_bytes)
            style = "-o" if pieces == 1 else "D"
            axes.plot(*zip(*points, strict=True), style, color=facts.colours[method], label=own[0].way, markersize=5)
        full = local(rows)
        if full is not None and full.tensor_bytes:
            axes.axhline(
                mib(full.tensor_bytes), color=facts.colours[full.method], linestyle=(0, (4, 2)), label="fedavg"
            )
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xticks(sorted({row.cut for row in rows if row.cut}))
        axes.set_xlabel("units on the device")
        axes.set_ylabel("tensor peak, MiB")
        canvas.legend(loc="outside right upper")
        return canvas

    return Figure(
        name="cuts-memory",
        caption=f"Tensor peak on the device against the cut, on {board}, logarithmic.",
        alt="Tensor peaks that fall with earlier cuts; the numbers are in the table.",
        svg=draw("cuts-memory", paint),
    )


def _curves(rows: list[CutRow]) -> dict[tuple[str, int], list[CutRow]]:
    curves: dict[tuple[str, int], list[CutRow]] = {}
    for row in rows:
        if row.cut:
            curves.setdefault((row.method, row.micro_batches), []).append(row)
    return curves


def _table(rows: list[CutRow]) -> Table:
    found = []
    for own in by_board(rows).values():
        full = local(own)
        found += [_row(row, full) for row in own]
    names = ("units on device", "micro-batches", "tensor peak, MiB", "process above floor, MiB", "fold (tensor)",
             "exchanged a round, MiB")  # fmt: skip
    return Table(
        caption="Memory and traffic of each cut",
        columns=(Column("board"), Column("method"), *(Column(name, "number") for name in names)),
        rows=tuple(found),
        note="Fold: full training's tensor peak on the same board over this one's.",
    )


def _row(row: CutRow, full: CutRow | None) -> tuple[Entry, ...]:
    known = full is not None and full.tensor_bytes and row.tensor_bytes and row.cut
    fold = quantity(full.tensor_bytes / row.tensor_bytes, 1) if known else MISSING  # type: ignore[union-attr,operator]
    return (
        word(row.board),
        word(row.method),
        count(row.cut) if row.cut else word("all"),
        count(row.micro_batches) if row.cut else MISSING,
        size(row.tensor_bytes if row.tensor_bytes else pd.NA),
        size(row.above_bytes if row.above_bytes else pd.NA),
        fold,
        size(row.exchange_bytes) if row.cut else MISSING,
    )
