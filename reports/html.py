"""The report's data as one self-contained HTML file that opens offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def html(data: Mapping[str, Any]) -> str:
    """The page for `data.plain(report)`. All text is escaped; only the figures' SVG, which we draw, is markup."""
    loader = PackageLoader("reports")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(report=data)
