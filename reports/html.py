"""The report's data as one self-contained HTML file that opens offline."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.figures import INK

PLOT = "vendor/uPlot-1.6.32"  # MIT; a plotting library of 51 kB


def html(data: Mapping[str, Any]) -> str:
    """The page for `data.plain(report)`. All text is escaped; only the figures' SVG, which we draw, is markup."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        report=data,
        traces={block["name"]: _lines(block) for block in _blocks(data) if block["kind"] == "traces"},
        switches={"board": _names(data, "board"), "method": _names(data, "method")},
        themed=_themed,
        plot_script=_text(f"{PLOT}.iife.min.js"),
        plot_style=_text(f"{PLOT}.min.css"),
        own_script=_text("report.js"),
    )


def _blocks(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for section in data["sections"]:
        yield from section["blocks"]


def _lines(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the page's script needs; the SVG is in the page already."""
    return {name: block[name] for name in ("x_name", "y_name", "lines")}


def _names(data: Mapping[str, Any], kind: str) -> list[str]:
    """Boards or methods that can be switched: those that have lines, in the order of their first one."""
    lines = (line for block in _blocks(data) if block["kind"] == "traces" for line in block["lines"])
    return _in_order(line[kind] for line in lines)


def _in_order(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _themed(svg: str) -> str:
    """Our ink follows the page's, light or dark; the paper shows through."""
    return re.sub(rf"(?i){INK}", "currentColor", svg)


@cache
def _text(name: str) -> str:
    return (files("reports") / "templates" / name).read_text(encoding="utf-8")
