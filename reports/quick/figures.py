"""The pictures of the quick report. Each function takes rows of `compare.merged` and returns SVG text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from harness.units import mib
from reports.compare import BASELINE
from reports.figures import INK, LIMIT, PHASES, WIDTH_IN, Bar, bars, beside_bar, draw, grid, legend, rows_down, short
from reports.tables import number, virtual_mark

MAX_BOARDS = 6  # more panels than a page can carry
MAX_TITLE = 36
PANELS = {"tensor_bytes": "tensor peak", "above_bytes": "process peak above floor"}


def representatives(rows: pd.DataFrame) -> pd.DataFrame:
    """All boards, or the first of each class and budget where they are too many; figures are never averages."""
    if rows["board"].nunique() <= MAX_BOARDS:
        return rows
    first = rows.groupby(["board_class", "virtual", "budget_bytes"], dropna=False, sort=False)["board"].first()
    return rows[rows["board"].isin(list(first)[:MAX_BOARDS])]


def left_out(rows: pd.DataFrame, shown: pd.DataFrame) -> str:
    """A sentence for the caption where a picture has not all boards."""
    missing = rows["board"].nunique() - shown["board"].nunique()
    return f" {missing} boards more of these classes and budgets: see the table." if missing else ""


def board_title(row: Any) -> str:
    """`nano-01 (virtual)`; a very long name is cut, so that it stays inside a picture."""
    name = str(row["board"])
    name = name if len(name) <= MAX_TITLE else name[: MAX_TITLE - 1] + "…"
    return f"{name} (virtual)" if not pd.isna(row["virtual"]) else name


def memory(name: str, rows: pd.DataFrame, colours: Mapping[str, str]) -> str:
    """Tensor peak and process peak above the floor, side by side on one scale, with the budget's place."""

    def paint() -> Canvas:
        boards = [own for _, own in rows.groupby("board", sort=False)]
        canvas, axes = grid([len(own) for own in boards], len(PANELS))
        top = max(filter(None, (number(rows[column].max()) for column in PANELS)), default=0.0)
        for line, own in zip(axes, boards, strict=True):
            for panel, column in zip(line, PANELS, strict=True):
                bars(panel, _bars(own, column, colours))
            line[0].set_title(board_title(own.iloc[0]))
            line[1].set_yticklabels([])
            _budget_line(line[1], own, top)
        for panel, title in zip(axes[-1], PANELS.values(), strict=True):
            panel.set_xlabel(f"{title}, MiB")
        return canvas

    return draw(name, paint)


def _bars(own: pd.DataFrame, column: str, colours: Mapping[str, str]) -> list[Bar]:
    return [_bar(row["label"], row[column], colours[row["method"]], row["outcome"]) for _, row in own.iterrows()]


def _bar(label: str, value_bytes: Any, colour: str, outcome: Any = "completed") -> Bar:
    """A bar in MiB; a cell that did not complete has its outcome instead."""
    missing = "not measured" if pd.isna(outcome) or outcome == "completed" else str(outcome).replace("_", " ")
    found = number(value_bytes)
    return Bar(label, None if found is None else mib(found), colour, missing)


def _budget_line(panel: Any, own: pd.DataFrame, top: float) -> None:
    """The budget limits the whole process; on this panel's scale it stands at budget - floor."""
    room = number((own["budget_bytes"] - own["floor_bytes"]).min())
    if room is None:
        return
    # A line far out would squeeze the bars that the picture is about.
    near = room <= 2 * top
    if near:
        panel.axvline(mib(room), color=LIMIT, linewidth=1.2, linestyle=(0, (4, 2)))
    text = f"budget − floor: {mib(room):,.0f} MiB{'' if near else ', beyond this scale'}"
    panel.set_title(text, loc="right", fontsize=7.5, fontweight="normal", color=LIMIT)


def stages(name: str, peaks: pd.DataFrame, base: float | None, colours: Mapping[str, str]) -> str:
    """Tensor peak of each stage of the staged methods, against the baseline's peak."""

    def paint() -> Canvas:
        canvas, axes = grid([len(peaks)])
        panel = axes[0][0]
        staged = [row for _, row in peaks.iterrows()]
        bars(panel, [_bar(f"{r['label']}: {r['stage']}", r["tensor_bytes"], colours[r["method"]]) for r in staged])
        if base is not None:
            panel.axvline(mib(base), color=colours[BASELINE], linewidth=1.4, linestyle=(0, (4, 2)))
        panel.set_xlabel("tensor peak, MiB")
        return canvas

    return draw(name, paint)


def latency(name: str, rows: pd.DataFrame) -> str:
    """A round of each method as a stack of its parts, one panel per board."""

    def paint() -> Canvas:
        boards = [own for _, own in rows.groupby("board", sort=False)]
        canvas, axes = grid([len(own) for own in boards], share_x=False)
        for panel, own in zip(axes[:, 0], boards, strict=True):
            left = pd.Series(0.0, index=own.index)
            for phase, colour in PHASES.items():
                seconds = own[f"{phase}_s"].astype("Float64").fillna(0.0).astype(float)
                panel.barh(range(len(own)), seconds, left=left, color=colour, height=0.72)
                left = left + seconds
            for place, end in enumerate(left):
                beside_bar(panel, place, end, short(end) if end else "parts not measured")
            rows_down(panel, list(own["label"]))
            panel.set_title(board_title(own.iloc[0]))
            panel.set_xlabel(f"seconds per round{virtual_mark(own)}")
        legend(canvas, PHASES)
        return canvas

    return draw(name, paint)


def accuracy(name: str, curves: pd.DataFrame, colours: Mapping[str, str]) -> str:
    """Accuracy over rounds. Of curves that coincide the earlier is wider, so that all stay visible."""

    def paint() -> Canvas:
        canvas = Canvas(figsize=(WIDTH_IN, 2.9), layout="constrained")
        panel = canvas.subplots()
        every = [own for _, own in curves.groupby(["label", "cell_id"], sort=False)]
        points = [tuple(own["accuracy"].astype(float)) for own in every]
        seen: set[str] = set()
        for place, own in enumerate(every):
            _curve(panel, own, colours, place, under=points[place + 1 :].count(points[place]), seen=seen)
        panel.set(xlabel="round", ylabel="accuracy of the global model, %")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.legend(loc="lower right")
        panel.tick_params(length=0, colors=INK)
        return canvas

    return draw(name, paint)


def _curve(
    panel: Any, own: pd.DataFrame, colours: Mapping[str, str], place: int, *, under: int, seen: set[str]
) -> None:
    """One curve, with `under` equal ones still to come on top; repeats have one line in the legend."""
    label = str(own["label"].iloc[0])
    percent = own["accuracy"].astype(float) * 100
    panel.plot(
        own["round"].astype(int),
        percent,
        color=colours[own["method"].iloc[0]],
        linewidth=1.8 + 1.9 * under,
        marker="oDs^v"[place % 5],
        markersize=4 + 1.6 * under,
        label=f"_{label}" if label in seen else label,
    )
    seen.add(label)
