"""What a budget costs in time: each way at each share of plain training's tensor peak, beside plain training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas

from reports.compare import against, beside, merged, with_failed, workload
from reports.data import Column, Entry, Figure, Finding, Paragraph, Section, Table
from reports.fedhybrid.ways import COLOURS, share_of, way_of
from reports.figures import INK, WIDTH_IN, draw
from reports.provenance import linked
from reports.quick.figures import board_title
from reports.statistics import Estimate
from reports.tables import MISSING, TIE, number, outcome, percent, quantity, row_mark, share, virtual_mark, word

GROUP = "budget"
INTRO = (
    "A budget is a share of plain training's tensor peak; each way keeps to it as fast as it can. Tensor peak and time "
    "are measured, as ratios to plain training on the same board; the process peak is the kernel's, above the floor of "
    "interpreter and torch. The exact optimum may recompute, rebuild norms and compress; compression alone and the "
    "greedy rule are what FedHybrid's abstract and its reviews tell of."
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One way at one budget on one board. Ratios are to plain training there."""

    row: Any
    way: str
    share: float | None
    tensor: Estimate | None
    process: Estimate | None
    time: Estimate | None


def points(cells: pd.DataFrame) -> list[Point]:
    """In the order of the study; those that did not complete have no ratios."""
    own = cells[cells["group"] == GROUP]
    if own.empty:
        return []
    rows = with_failed(own, beside(merged(own)))
    details = own.drop_duplicates(["cell_id", "board"]).set_index(["cell_id", "board"])["outcome_detail"]
    rows["detail"] = [details.get((cell, board)) for cell, board in zip(rows["cell_id"], rows["board"], strict=True)]
    return [_point(row) for _, row in rows.iterrows()]


def _point(row: Any) -> Point:
    return Point(
        row=row,
        way=way_of(row["method"], row["options"]),
        share=share_of(row["options"]),
        tensor=against(row, "tensor_bytes"),
        process=against(row, "above_bytes"),
        time=against(row, "compute_s"),
    )


def section(cells: pd.DataFrame) -> Section:
    found = points(cells)
    if not found:
        missing = Paragraph(f"The run has no cell of group {GROUP!r}.", "warn")
        return Section(slug="budget", title="Time against budget", blocks=(missing,))
    rows = pd.DataFrame([point.row for point in found])
    return Section(
        slug="budget",
        title="Time against budget",
        blocks=(Paragraph(INTRO), _figure(found, rows), _table(found, rows)),
    )


def findings(cells: pd.DataFrame) -> list[Finding]:
    """Each board's smallest peak that a way reached, and what it cost."""
    found = [point for point in points(cells) if point.tensor is not None and point.time is not None]
    boards = dict.fromkeys(str(point.row["board"]) for point in found)
    return [_finding(board, [point for point in found if point.row["board"] == board]) for board in boards]


def _finding(board: str, found: Sequence[Point]) -> Finding:
    least = min(found, key=_tensor)
    assert least.time is not None
    name = f"{board} (virtual)" if not pd.isna(least.row["virtual"]) else board
    at = f"{percent(_tensor(least))} of plain training's tensor peak at {least.time.value:.2f}{TIE}× its time"
    return Finding("Budget", f"{name}: {least.way} trains in {at}.", "good")


def _tensor(point: Point) -> float:
    assert point.tensor is not None
    return point.tensor.value


def _figure(found: Sequence[Point], rows: pd.DataFrame) -> Figure:
    return Figure(
        name="time-against-budget",
        caption=f"Compute time of a round{virtual_mark(rows)} against the tensor peak, as ratios to plain training, "
        f"{workload(rows)}. Down and left is better.",
        alt="Lines of time over tensor peak for each way; the numbers are in the table.",
        svg=draw("time-against-budget", lambda: _paint(found)),
    )


def _paint(found: Sequence[Point]) -> Canvas:
    boards = list(dict.fromkeys(point.row["board"] for point in found))
    canvas = Canvas(figsize=(WIDTH_IN, 2.8), layout="constrained")
    panels = canvas.subplots(1, len(boards), sharey="all", squeeze=False)[0]
    for panel, board in zip(panels, boards, strict=True):
        own = [point for point in found if point.row["board"] == board]
        for way, colour in COLOURS.items():
            line = sorted(_measured(point) for point in own if point.way == way and point.tensor and point.time)
            if line:
                panel.plot(*zip(*line, strict=True), "o-", color=colour, label=way, linewidth=1.6, markersize=4)
        panel.set_title(board_title(own[0].row))
        panel.set_xlabel("tensor peak, share of plain")
        panel.tick_params(length=0, colors=INK)
        sns.despine(ax=panel)
    panels[0].set_ylabel("time, ratio to plain")
    handles, labels = panels[0].get_legend_handles_labels()
    canvas.legend(handles, labels, loc="outside upper left", ncols=3)
    return canvas


def _measured(point: Point) -> tuple[float, float]:
    assert point.tensor is not None and point.time is not None
    return point.tensor.value, point.time.value


def _table(found: Sequence[Point], rows: pd.DataFrame) -> Table:
    mark = virtual_mark(rows)
    return Table(
        caption=f"Budgets asked, peaks and times measured, {workload(rows)}",
        columns=(
            Column("board"), Column("way"), Column("budget, of plain's peak", "number"),
            Column("tensor peak, of plain's", "number"), Column("process above floor, of plain's", "number"),
            Column(f"time, of plain's{mark}", "number"), Column("outcome", "chip"), Column("why not", "prose"),
        ),
        rows=tuple(_row(point, rows) for point in found),
        note="A tensor peak above its budget would be a fault of the prediction.",
    )  # fmt: skip


def _row(point: Point, rows: pd.DataFrame) -> tuple[Entry, ...]:
    row, ended = point.row, point.row["outcome"] == "completed"
    return (
        word(row["board"]), _named(row, point.way), share(point.share),
        _share(point.tensor), _share(point.process),
        MISSING if point.time is None else quantity(point.time.value, 2, mark=row_mark(rows, row)),
        outcome(row["outcome"], row["repeats"], row["tries"]), MISSING if ended else word(row["detail"]),
    )  # fmt: skip


def _named(row: Any, way: str) -> Entry:
    """The way in words, with the link of its cell."""
    return Entry(way, way, link=linked(row).link)


def _share(found: Estimate | None) -> Entry:
    return share(number(None if found is None else found.value))
