"""The report on SmartSplit: from a run's frames to its findings and sections."""

from __future__ import annotations

from reports.circumstances import circumstances
from reports.data import Finding, Report
from reports.outcomes import outcomes
from reports.provenance import provenance
from reports.quick import accuracy
from reports.quick.facts import Facts
from reports.quick.sections import facts_of
from reports.read import Run
from reports.smartsplit import ablation, budget, latency, memory, optimise, published, stepping
from reports.smartsplit.facts import cut_rows
from reports.stability import stability
from reports.tables import show_change


def build(run: Run) -> Report:
    """The whole report as data. Partial runs give a shorter report that says what is missing."""
    facts = facts_of(run)
    return Report(
        name="smartsplit",
        title=str(run.manifest.get("title") or "SmartSplit"),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=f"{len(run.boards)} boards · {run.manifest.get('started_utc') or 'start not recorded'}",
        findings=tuple(_findings(facts)),
        sections=(
            memory.section(facts),
            latency.section(facts),
            stepping.section(facts),
            budget.section(facts),
            accuracy.section(facts),
            ablation.section(facts),
            optimise.section(facts),
            published.section(facts),
            stability(run, facts.cells),
            outcomes(run, facts.cells),
            circumstances(run, facts.cells),
            provenance(run, facts.cells),
        ),
    )


def _findings(facts: Facts) -> list[Finding]:
    rows = cut_rows(facts)
    found = [
        Finding("Memory", f"On {board}, {row.label} needs 1/{fold:.0f} of full training's tensor peak.", "good")
        for board, (row, fold) in memory.folds(rows).items()
    ]
    under = latency.limited(rows)
    if under:
        best = min(under, key=lambda at: at.saved)
        text = f"Under a quarter of the memory a round on {best.board} over {best.link} takes {show_change(best.saved)}"
        found.append(Finding("Latency", f"{text} against local training that swaps (a model).", "good"))
    return found or [Finding("Missing", "No cell of group 'memory' completed: nothing was measured.", "warn")]
