"""The page of the nights: tonight's findings, the shifts so far, and the history of each series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from harness.nightly.findings import Shift
from harness.nightly.history import Table as History
from harness.nightly.history import as_table
from reports.data import Block, Column, Finding, Line, Paragraph, Report, Section, Table, Traces
from reports.figures import METHODS, SPARE, WIDTH_IN, draw
from reports.tables import MISSING, change, count, quantity, word

MAX_LINES = 16
COLOURS = (*METHODS.values(), *SPARE)
NOTHING = Finding("Quiet", "No series has shifted tonight.", "good")


def nights(history: pd.DataFrame, found: Sequence[Shift]) -> Report:
    """The report on a history that has one night or more."""
    table = as_table(history)
    tonight = table.nights[-1]
    shaky = history[(history["run_id"] == tonight) & history["unstable"].fillna(False)]["board"].unique()
    own = [Finding("Shift", f"{shift.sentence}.", "warn") for shift in found if shift.run_id == tonight]
    doubts = [Finding("Unstable", f"{board}: its control workload does not repeat tonight.", "warn") for board in shaky]
    return Report(
        name="nightly",
        title="Night by night",
        run_id=tonight,
        subtitle=f"{len(table.nights)} nights, {len(table.series)} series",
        findings=(*(own or [NOTHING]), *doubts),
        sections=(_shifts(found), _series(table), _history(table)),
    )


def _shifts(found: Sequence[Shift]) -> Section:
    columns = (Column("night"), Column("board"), Column("cell", "prose"), Column("metric"), Column("shift", "number"),
               Column("verdict", "prose"), Column("why", "prose"))  # fmt: skip
    rows = tuple(
        (word(each.run_id), word(each.board), word(each.cell), word(each.metric), change(each.shift),
         word(each.blame), word(each.why))
        for each in reversed(found)
    )  # fmt: skip
    table = Table(caption="Shifts, the latest first", columns=columns, rows=rows)
    block: Block = table if rows else Paragraph("No shift has been seen in these nights.")
    return Section(slug="shifts", title="Shifts", blocks=(block,))


def _series(table: History) -> Section:
    numbers = ("nights", "tonight (SI units)", "median so far", "Δ")
    columns = (
        Column("board"),
        Column("cell", "prose"),
        Column("metric"),
        *(Column(name, "number") for name in numbers),
    )
    rows = []
    for place, (board, cell, metric) in enumerate(table.series):
        values = table.values[:, place]
        before, last = values[:-1][np.isfinite(values[:-1])], values[-1]
        middle = float(np.median(before)) if len(before) else None
        tonight = float(last) if np.isfinite(last) else None
        moved = change(tonight / middle - 1) if tonight is not None and middle else MISSING
        rows.append((word(board), word(cell), word(metric), count(int(np.isfinite(values).sum())),
                     quantity(tonight, 3), quantity(middle, 3), moved))  # fmt: skip
    note = (
        "Seconds of virtual boards are virtual. A board whose control workload did not repeat has no value that night."
    )
    block = Table(caption="Every series tonight", columns=columns, rows=tuple(rows), note=note)
    return Section(slug="series", title="Series", blocks=(block,))


def _history(table: History) -> Section:
    metrics = dict.fromkeys(metric for _, _, metric in table.series)
    return Section(slug="history", title="History", blocks=tuple(_trace(table, metric) for metric in metrics))


def _trace(table: History, metric: str) -> Traces:
    """Each series over its own median, so that all of them share one axis."""
    own = [place for place, series in enumerate(table.series) if series[2] == metric]
    lines = tuple(_lines(table, own[:MAX_LINES]))
    y_name, name = f"{metric} over its median", f"history-{metric}"
    more = f" {len(own) - MAX_LINES} series more are in the table." if len(own) > MAX_LINES else ""
    return Traces(
        name=name,
        caption=f"{metric} night by night, each series over its own median.{more}",
        alt=f"Lines of {metric} over {len(table.nights)} nights; the last values are in the table.",
        x_name="night",
        y_name=y_name,
        lines=lines,
        svg=_svg(name, y_name, lines),
    )


def _lines(table: History, places: Sequence[int]) -> Iterator[Line]:
    for at, place in enumerate(places):
        board, cell, _ = table.series[place]
        values = table.values[:, place]
        known = np.flatnonzero(np.isfinite(values))
        level = np.median(values[known]) if len(known) else np.nan
        yield Line(board=board, method=cell, colour=COLOURS[at % len(COLOURS)], dash=(),
                   x=tuple((known + 1.0).tolist()), y=tuple((values[known] / level).round(4).tolist()))  # fmt: skip


def _svg(name: str, y_name: str, lines: Sequence[Line]) -> str:
    def paint() -> Canvas:
        canvas = Canvas(figsize=(WIDTH_IN, 2.6), layout="constrained")
        panel = canvas.subplots()
        for line in lines:
            panel.plot(line.x, line.y, color=line.colour, linewidth=1.0, marker=".", markersize=3)
        panel.set(xlabel="night", ylabel=y_name)
        panel.tick_params(length=0)
        return canvas

    return draw(name, paint)
