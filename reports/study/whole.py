"""The whole report of one method's study: what the three reports on freezing are, but for their claims and notes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from reports.data import Finding, Paragraph, Report, Section
from reports.outcomes import outcomes
from reports.provenance import provenance
from reports.read import Run
from reports.study import ablations, accuracy, claims, pace, participation, speed, stages
from reports.study.facts import Facts, facts_of

CLASSES = (
    "The study's budgets are ProFL's classes, 100 to 900 MB drawn uniformly, where training the full model takes "
    "840 MB. A client's budget is its class times what the ledger says full training of the study's model takes, "
    "over 840: the classes keep their shares of full training, whatever the model."
)

SHORT = (
    "The small study's jobs are short: nine steps of three clients a round, and curves still rise when they end. Where "
    "a stage is left before its block has converged, freezing shows less than in the papers' thousand rounds, and "
    "intervals over three seeds of skewed data are wide. The large study is the same code for as long as it takes."
)


def build_study(run: Run, name: str, title: str, published: Path, how: str, notes: tuple[str, ...]) -> Report:
    """`name`: of the report and its method. `how`: the saving of its claim. `notes`: what limits the figures."""
    facts = facts_of(run, name)
    once = one_row_a_cell(facts.cells)
    explained = Section(
        slug="notes", title="What limits the figures", blocks=tuple(map(Paragraph, (*notes, CLASSES, SHORT)))
    )
    return Report(
        name=name,
        title=str(run.manifest.get("title") or title),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=_subtitle(facts),
        findings=tuple(_findings(facts, how)),
        sections=(
            claims.section(facts, published),
            stages.section(facts),
            accuracy.section(facts),
            speed.section(facts),
            participation.section(facts),
            pace.section(facts),
            ablations.section(facts),
            explained,
            outcomes(run, once),
            provenance(run, once),
        ),
    )


def one_row_a_cell(cells: pd.DataFrame) -> pd.DataFrame:
    """Cells of simulated clients once, as `all clients`: how they ended is the same for all. Boards stay apart."""
    simulated = (cells["virtual"] == "simulated").fillna(False)
    once = cells[simulated].drop_duplicates("cell_id").assign(board="all clients")
    once["label"] = once["method"]  # a label tells clients apart by their budgets
    once["budget_bytes"] = once["budget_bytes"].mask(once["budget_bytes"].notna())  # each client has its own
    return pd.concat([once, cells[~simulated]]) if simulated.any() else cells


def _findings(facts: Facts, how: str) -> Iterator[Finding]:
    yield from stages.findings(facts, how)
    yield from accuracy.findings(facts)
    yield from speed.findings(facts)
    if facts.cells.empty:
        yield Finding("Missing", "The run has no cell: nothing was measured.", "warn")
    elif facts.studied.empty:
        yield Finding("Missing", accuracy.NOTHING, "warn")
    if facts.run.manifest.get("state") != "finished":
        yield Finding("Missing", "The run was interrupted; this report covers what it had finished.", "warn")


def _subtitle(facts: Facts) -> str:
    clients = facts.studied["board"].nunique()
    who = f"{clients} simulated clients" if clients else f"{len(facts.run.boards)} boards"
    return f"{who} · {facts.run.manifest.get('started_utc') or 'start not recorded'}"
