"""A run folder -> report.json, and report.html and report.pdf from the very same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import FedRackError
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
    _replace({built.json: f"{text}\n".encode(), built.html: page.encode(), built.pdf: pages})
    return built


def _replace(contents: Mapping[Path, bytes]) -> None:
    """All files or none: each is written beside its place first. Raises `FedRackError` where there is no room."""
    drafts = {path: path.with_name(path.name + ".tmp") for path in contents}
    try:
        for path, content in contents.items():
            drafts[path].write_bytes(content)
    except OSError as error:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise FedRackError(
            f"the report could not be written: {error.strerror} ({error.filename})",
            remedy="what was measured is kept; make room, then: fedrack report RUN_ID",
        ) from None
    for path, draft in drafts.items():
        draft.replace(path)
