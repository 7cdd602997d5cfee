"""The report on boards: which board can do what, and how far it may be trusted."""

from __future__ import annotations

from reports import stability
from reports.boards import matrix
from reports.circumstances import circumstances
from reports.compare import prepared
from reports.data import Finding, Report, Section
from reports.energy import energy
from reports.figures import palette
from reports.outcomes import outcomes, stand_ins
from reports.provenance import provenance
from reports.read import Run
from reports.traces import traces


def build(run: Run) -> Report:
    """The whole report as data."""
    cells = prepared(run)
    unstable = stability.finding(run, cells)
    nothing = Finding("Missing", "The run has no cell: nothing was measured.", "warn")
    found = tuple(matrix.findings(cells)) or (nothing,)
    return Report(
        name="boards",
        title=str(run.manifest.get("title") or "Which board can do what"),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=f"{len(run.boards)} boards · {run.manifest.get('started_utc') or 'start not recorded'}",
        findings=(*found, *stand_ins(run), *([unstable] if unstable else [])),
        sections=(
            Section(slug="boards", title="What each board can do", blocks=(matrix.table(cells),)),
            energy(run, cells),
            traces(run, cells, palette(cells["method"].dropna().unique())),
            stability.stability(run, cells),
            outcomes(run, cells),
            circumstances(run, cells),
            provenance(run, cells),
        ),
    )
