"""Drawing helpers: one style, one colour per method in every figure, SVG text out. No global pyplot state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

WIDTH_IN = 7.2  # the text width of the PDF
METHODS = {"fedavg": "#5b6675", "freeze": "#2b7bba", "split": "#d9822b", "recompute": "#2a9d6f"}
SPARE = ("#b0479a", "#8c6d1f", "#c0392b", "#4f46a5", "#0f8b8d", "#7f7f7f")
# Phases are not methods, so they are shades of a hue that no method has.
PHASES = {"download": "#c9bbe3", "compute": "#4a2f7c", "exchange": "#9a76c9", "upload": "#e7dff3"}
INK, FAINT, LIMIT = "#26303b", "#d5dae0", "#b3261e"

STYLE: Any = {  # Any: the type of its keys differs between releases of matplotlib
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "xtick.bottom": False,
    "ytick.left": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # matplotlib brings it: the same picture on every machine
    "font.size": 8.5,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "figure.facecolor": "none",  # paper and page shine through
    "axes.facecolor": "none",
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#8a949e33",
    "legend.frameon": False,
    "svg.fonttype": "path",  # letters as outlines: no reader needs our font
    "svg.hashsalt": "fedrack",  # the same data gives the same file
    "text.parse_math": False,  # a board may be called $x$
}


def palette(methods: Iterable[str]) -> dict[str, str]:
    """A colour for each method: the known ones keep theirs, others take the spare ones in alphabetic order."""
    others = sorted(set(methods) - set(METHODS))
    return METHODS | {name: SPARE[index % len(SPARE)] for index, name in enumerate(others)}


def draw(name: str, paint: Callable[[], Canvas]) -> str:
    """Run a painter under our style and return its SVG, whose ids start with `name`."""
    with matplotlib.rc_context(STYLE):
        stream = StringIO()
        paint().savefig(stream, format="svg", metadata={"Date": None})
    return _embeddable(stream.getvalue(), name)


def grid(rows: Sequence[int], columns: int = 1, *, share_x: bool = True) -> tuple[Canvas, np.ndarray]:
    """A canvas of panels; `rows` holds the number of bars in each row of panels, which sets its height."""
    # The frame around a row of bars needs as much room as a bar and a half.
    canvas = Canvas(figsize=(WIDTH_IN, 0.55 + sum(0.6 + 0.26 * count for count in rows)), layout="constrained")
    ratios = [count + 0.6 for count in rows]
    axes = canvas.subplots(len(rows), columns, sharex="all" if share_x else "none", squeeze=False, height_ratios=ratios)
    return canvas, axes


@dataclass(frozen=True)
class Bar:
    label: str
    value: float | None
    colour: str
    missing: str = "not measured"  # what stands there instead of a bar


def bars(axes: Axes, rows: Sequence[Bar]) -> None:
    """Horizontal bars from top to bottom, each with its number; a missing one says why."""
    for place, bar in enumerate(rows):
        axes.barh(place, bar.value or 0.0, color=bar.colour, height=0.72)
        beside_bar(axes, place, bar.value or 0.0, bar.missing if bar.value is None else short(bar.value))
    rows_down(axes, [bar.label for bar in rows])


def beside_bar(axes: Axes, place: float, end: float, text: str) -> None:
    """A word or number behind the end of a bar."""
    axes.annotate(text, (end, place), (3, 0), textcoords="offset points", va="center", fontsize=7.5)


def short(value: float) -> str:
    """Three digits are enough beside a bar; the table has more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def rows_down(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of a bar chart, the first on top, and leave room for numbers at the right."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.margins(x=0.16)


def legend(canvas: Canvas, colours: Mapping[str, str]) -> None:
    """One legend above all panels."""
    handles = [Patch(color=colour, label=name) for name, colour in colours.items()]
    canvas.legend(handles=handles, loc="outside upper left", ncols=len(handles), handlelength=1.1, columnspacing=1.4)


def _embeddable(svg: str, name: str) -> str:
    """Only the <svg> element, with ids of its own, so that several can live in one page."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    prefix = re.sub(r"\W", "-", name)
    svg = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{prefix}-", svg)
    return svg.strip()
