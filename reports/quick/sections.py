"""The quick report: from a run's frames to its findings and sections."""

from __future__ import annotations

from reports.circumstances import circumstances
from reports.compare import beside, merged, prepared
from reports.data import Report
from reports.energy import energy
from reports.figures import palette
from reports.outcomes import outcomes
from reports.provenance import provenance
from reports.quick import accuracy, equality, latency, memory, published, summary
from reports.quick.facts import Facts
from reports.read import Run
from reports.stability import stability
from reports.traces import traces


def build(run: Run) -> Report:
    """The whole report as data. Partial runs give a shorter report that says what is missing."""
    facts = facts_of(run)
    sections = (
        summary.section(facts),
        memory.section(facts),
        latency.section(facts),
        energy(run, facts.cells),
        traces(run, facts.cells, facts.colours),
        accuracy.section(facts),
        equality.section(facts),
        published.section(facts),
        stability(run, facts.cells),
        outcomes(run, facts.cells),
        circumstances(run, facts.cells),
        provenance(run, facts.cells),
    )
    return Report(
        name="quick",
        title=str(run.manifest.get("title") or "Quick report"),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=summary.subtitle(run),
        findings=summary.findings(facts),
        sections=sections,
    )


def facts_of(run: Run) -> Facts:
    """What every section starts from, worked out once."""
    cells = prepared(run)
    return Facts(run=run, cells=cells, rows=beside(merged(cells)), colours=palette(cells["method"].dropna().unique()))
