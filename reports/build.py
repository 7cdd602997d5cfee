"""A run folder -> report.json, and report.html and report.pdf from the very same data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from reports.data import Report, plain
from reports.html import html
from reports.pdf import pdf
from reports.read import Run, read_run
from reports.registry import find


@dataclass(frozen=True, kw_only=True)
class Built:
    """Where the report is."""

    html: Path
    pdf: Path
    json: Path


def build_report(run_dir: Path) -> Built:
    """Build the report that the run's manifest names. Raises `FedRackError` for a folder that is no run."""
    return write(run_dir, report_of(read_run(run_dir)))


def report_of(run: Run) -> Report:
    """The report as data, by the report that the manifest names. Raises `UnknownName`."""
    return find(str(run.manifest.get("report"))).build(run)


def write(folder: Path, report: Report) -> Built:
    """Write all three files; none is touched unless all could be made, so they always belong together."""
    text = json.dumps(plain(report), indent=1, ensure_ascii=False, allow_nan=False)
    data = json.loads(text)  # the writers get what the file holds, not what we believe it holds
    page, pages = html(data), pdf(data)
    built = Built(html=folder / "report.html", pdf=folder / "report.pdf", json=folder / "report.json")
    built.json.write_text(text + "\n", encoding="utf-8")
    built.html.write_text(page, encoding="utf-8")
    built.pdf.write_bytes(pages)
    return built
