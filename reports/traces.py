"""The traces behind the figures: memory, power and temperature over time, per group of the study."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from harness.units import MIB
from reports.data import Block, Line, Paragraph, Section, Traces
from reports.decimate import extremes
from reports.figures import WIDTH_IN, draw
from reports.labels import groups
from reports.read import Run
from reports.tables import listed, virtual_mark

MAX_LINES = 16  # of one figure
MAX_LABEL = 32  # letters in the legend of a picture
DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 2, 2, 2))  # by board, in turn
TIME = "s since the first reading of the cell"
INTRO = (
    "What the boards' agents read while the cells ran; of each stretch of time the lowest and the highest reading are "
    "kept, so that peaks stay. A colour is a method, a dash a board. On screen: drag to zoom, double-click to "
    "go back, and use the switches at the top to hide boards and methods."
)


class Kind(NamedTuple):
    """What is drawn over time. `reads` gives rows of cell_id, board, t_s, value."""

    name: str
    y_name: str
    mark_virtual: bool  # a virtual board's bytes are real, its watts and degrees are not


Readings = Mapping[Hashable, tuple[np.ndarray, np.ndarray]]  # of cell and board: times and values

MEMORY = Kind("memory", "resident memory of the worker, MiB", False)
POWER = Kind("power", "power, W", True)
HEAT = Kind("temperature", "hottest sensor, °C", True)


def traces(run: Run, cells: pd.DataFrame, colours: Mapping[str, str]) -> Section:
    """A figure per kind and group that has readings; a sentence where there are none."""
    every = ((MEMORY, _by_cell(_memory(run))), (POWER, _by_cell(_power(run))), (HEAT, _by_cell(_heat(run))))
    found = [
        figure
        for kind, readings in every
        for group, own in groups(cells)
        for figure in _figure(kind, group, own, readings, colours)
    ]
    empty = Paragraph("No agent of this run has left a reading over time: there are no traces.", "warn")
    blocks: tuple[Block, ...] = (Paragraph(INTRO), *found) if found else (empty,)
    return Section(slug="traces", title="Traces", blocks=blocks)


def _memory(run: Run) -> pd.DataFrame:
    rows = run.samples[["cell_id", "board", "t_s"]].assign(value=run.samples["rss_bytes"] / MIB)
    return rows.dropna()


def _power(run: Run) -> pd.DataFrame:
    """Of the best witness of the whole board, as `energy` names it."""
    whole = run.energy[run.energy["whole"].fillna(False)].drop_duplicates(["cell_id", "board"])
    watts = run.sensors[run.sensors["quantity"] == "power_w"]
    watts = watts.assign(witness=watts["source"] + "/" + watts["sensor"])
    keys = whole[["cell_id", "board", "source"]].rename(columns={"source": "witness"})
    return _readings(watts.merge(keys, on=["cell_id", "board", "witness"], how="inner"))


def _heat(run: Run) -> pd.DataFrame:
    """The hottest zone at each reading."""
    zones = _readings(run.sensors[run.sensors["quantity"] == "temperature_c"])
    return zones.groupby(["cell_id", "board", "t_s"], sort=False)[["value"]].max().reset_index()


def _readings(rows: pd.DataFrame) -> pd.DataFrame:
    """A meter beside the board has no time of the board's: then the controller's tells it."""
    moments = rows["t_s"].fillna(rows["controller_s"])
    return rows.assign(t_s=moments)[["cell_id", "board", "t_s", "value"]].dropna()


def _by_cell(rows: pd.DataFrame) -> Readings:
    """Cell and board -> times and values, each (n,): a million rows are taken apart once, not once a figure."""
    columns = [rows[name].to_numpy(dtype=float) for name in ("t_s", "value")]
    places = rows.groupby(["cell_id", "board"], sort=False).indices
    return {key: (columns[0][place], columns[1][place]) for key, place in places.items()}


def _figure(
    kind: Kind, group: str, cells: pd.DataFrame, readings: Readings, colours: Mapping[str, str]
) -> Iterator[Traces]:
    first = cells.drop_duplicates(["board", "label"])  # repeats would hide each other
    drawn = [row for _, row in first.iterrows() if (row["cell_id"], row["board"]) in readings]
    if not drawn:
        return
    shown = drawn[:MAX_LINES]
    boards = list(dict.fromkeys(row["board"] for row in shown))
    lines = tuple(
        _line(row, *readings[row["cell_id"], row["board"]], colours, boards.index(row["board"])) for row in shown
    )
    mark = virtual_mark(first) if kind.mark_virtual else ""
    name = f"trace-{kind.name}-{group}"
    more = f" {len(drawn) - len(shown)} lines more are in the frames." if len(drawn) > len(shown) else ""
    yield Traces(
        name=name,
        caption=f"{kind.y_name[0].upper()}{kind.y_name[1:]}{mark} over time, group {group}; the first repeat.{more}",
        alt=f"Lines over time for {listed(dict.fromkeys(line.method for line in lines))} on {listed(boards, 6)}.",
        x_name=TIME,
        y_name=kind.y_name + mark,
        lines=lines,
        svg=_svg(name, kind.y_name + mark, lines),
    )


def _line(row: Any, times: np.ndarray, values: np.ndarray, colours: Mapping[str, str], place: int) -> Line:
    kept = extremes(values)
    return Line(
        board=str(row["board"]),
        method=str(row["label"]),
        colour=colours[row["method"]],
        dash=DASHES[place % len(DASHES)],
        x=tuple(np.round(times[kept] - times[0], 2).tolist()),
        y=tuple(np.round(values[kept], 2).tolist()),
    )


def _cut(label: str) -> str:
    """Names of any length leave the picture its room."""
    return label if len(label) <= MAX_LABEL else label[: MAX_LABEL - 1] + "…"


def _svg(name: str, y_name: str, lines: tuple[Line, ...]) -> str:
    def paint() -> Canvas:
        canvas = Canvas(figsize=(WIDTH_IN, 2.7), layout="constrained")
        panel = canvas.subplots()
        several = len({line.board for line in lines}) > 1
        for line in lines:
            label = _cut(f"{line.method}, {line.board}" if several else line.method)
            style: Any = (0, line.dash) if line.dash else "solid"
            panel.plot(line.x, line.y, color=line.colour, linestyle=style, linewidth=1.1, label=label)
        panel.set(xlabel=TIME, ylabel=y_name)
        panel.set_ylim(bottom=0)
        panel.tick_params(length=0)
        canvas.legend(loc="outside right upper", fontsize=7.5)
        return canvas

    return draw(name, paint)
