"""The report on FedHybrid: what a memory budget costs in time, and who can learn under one."""

from __future__ import annotations

from reports import stability
from reports.circumstances import circumstances
from reports.compare import prepared
from reports.data import Finding, Report
from reports.fedhybrid import budget, claims, simulated
from reports.figures import palette
from reports.outcomes import outcomes
from reports.provenance import provenance
from reports.read import Run
from reports.study.whole import one_row_a_cell
from reports.traces import traces


def build(run: Run) -> Report:
    """The whole report as data."""
    cells = prepared(run)
    played = simulated.curves(run, cells)
    once = one_row_a_cell(cells)
    found = [*budget.findings(cells), *simulated.findings(played)]
    unstable = stability.finding(run, cells)
    nothing = Finding("Missing", "Neither a cell with a budget nor the study of accuracy completed.", "warn")
    return Report(
        name="fedhybrid",
        title=str(run.manifest.get("title") or "FedHybrid"),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=f"{len(run.boards)} boards · {run.manifest.get('started_utc') or 'start not recorded'}",
        findings=(*(found or [nothing]), *([unstable] if unstable else [])),
        sections=(
            budget.section(cells),
            simulated.section(cells, played),
            claims.section(played),
            traces(run, cells, palette(cells["method"].dropna().unique())),
            stability.stability(run, cells),
            outcomes(run, once),
            circumstances(run, cells),
            provenance(run, once),
        ),
    )
