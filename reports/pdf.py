"""The report's data as a PDF, set by Typst with the fonts that it brings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

TEMPLATE = Path(__file__).with_name("templates") / "report.typ"


def pdf(data: Mapping[str, Any]) -> bytes:
    """The pages for `data.plain(report)`.

    The data travels as JSON and never becomes markup, so a board may be called #x or $.
    """
    return typst.compile(TEMPLATE, format="pdf", sys_inputs={"report": json.dumps(data)}, ignore_system_fonts=True)
