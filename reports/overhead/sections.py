"""The report on the observer: what the agent's sampling takes, by its own account."""

from __future__ import annotations

from reports import stability
from reports.circumstances import circumstances
from reports.compare import prepared
from reports.data import Block, Column, Entry, Finding, Paragraph, Report, Section, Table
from reports.figures import palette
from reports.outcomes import outcomes
from reports.overhead.account import Account, accounts
from reports.provenance import provenance
from reports.read import Run
from reports.tables import MISSING, count, percent, quantity, share, word
from reports.traces import traces

INTRO = (
    "CPU time that the agent used while it sampled, as it read it from its own process, per second of the cell, on one "
    "core. It is what sampling takes, not what training loses: `fedrack overhead` measures the slow-down itself, with "
    "the agent stopped and continued beside a steady load."
)


def build(run: Run) -> Report:
    """The whole report as data."""
    cells = prepared(run)
    found = accounts(run.samples, cells)
    return Report(
        name="overhead",
        title=str(run.manifest.get("title") or "What observing costs"),
        run_id=str(run.manifest.get("run_id") or run.folder.name),
        subtitle=f"{len(run.boards)} boards · {run.manifest.get('started_utc') or 'start not recorded'}",
        findings=tuple(map(_finding, found)) or (Finding("Missing", "No agent left a sample.", "warn"),),
        sections=(
            Section(slug="observer", title="The observer's account", blocks=_blocks(found)),
            traces(run, cells, palette(cells["method"].dropna().unique())),
            stability.stability(run, cells),
            outcomes(run, cells),
            circumstances(run, cells),
            provenance(run, cells),
        ),
    )


def _finding(each: Account) -> Finding:
    name = f"{each.board} (virtual)" if each.virtual else each.board
    if each.cpu_share is None:
        return Finding("Observer", f"{name}: the agent's CPU time was not measured.", "muted")
    return Finding("Observer", f"{name}: sampling took {percent(each.cpu_share.value)} of one core.")


def _blocks(found: list[Account]) -> tuple[Block, ...]:
    columns = (
        Column("board"), Column("cells", "number"), Column("samples per s (virtual where marked)", "number"),
        Column("CPU, of one core", "number"), Column("± (95 %)", "number"),
        Column("lateness p99, ms (virtual where marked)", "number"), Column("ticks present", "number"),
    )  # fmt: skip
    table = Table(caption="What sampling takes", columns=columns, rows=tuple(map(_row, found)))
    return Paragraph(INTRO), table


def _row(each: Account) -> tuple[Entry, ...]:
    mark = " (virtual)" if each.virtual else ""
    cpu = each.cpu_share
    half = None if cpu is None or cpu.low is None or cpu.high is None else (cpu.high - cpu.low) / 2
    late_ms = None if each.late_s is None else each.late_s * 1e3
    return (
        word(each.board),
        count(each.cells),
        quantity(each.rate_hz, 2, mark=mark),
        MISSING if cpu is None else share(cpu.value),
        share(half),
        quantity(late_ms, 2, mark=mark),
        share(each.present),
    )
