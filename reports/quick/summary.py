"""The findings that open the report, one sentence each: the verdict first, the numbers after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports import stability
from reports.compare import BASELINE, LEVELS, workload
from reports.data import Finding, Paragraph, Section, Tone
from reports.labels import groups
from reports.outcomes import stand_ins
from reports.quick import accuracy, equality, figures, fits, published
from reports.quick.facts import Facts
from reports.read import Run
from reports.tables import listed, percent, relative, show_change
from reports.verdicts import STRENGTH, State

MAX_SENTENCES = 6  # of one kind; the sections have the rest


def subtitle(run: Run) -> str:
    """What was run where, in one line; virtual boards are called so."""
    boards = run.boards.values()
    virtual = sum(1 for board in boards if board.get("virtual"))
    kind = "" if not virtual else ", virtual" if virtual == len(boards) else f", {virtual} of them virtual"
    plural = "" if len(boards) == 1 else "s"
    return f"{len(boards)} board{plural}{kind} · {run.manifest.get('started_utc') or 'start not recorded'}"


def findings(facts: Facts) -> tuple[Finding, ...]:
    """The sentences in the order of interest; what is missing comes last, but it comes."""
    parts = (_fits, _savings, _accuracy, _equality, _published, _unstable, _missing)
    return tuple(finding for part in parts for finding in part(facts))


def section(facts: Facts) -> Section:
    """The matrix under the findings."""
    if facts.cells.empty:
        block = Paragraph("The run has no cell: nothing was measured.", "warn")
        return Section(slug="summary", title="What fits which board", blocks=(block,))
    return Section(slug="summary", title="What fits which board", blocks=(fits.table(facts),))


def _fits(facts: Facts) -> Iterator[Finding]:
    every = fits.fits(facts.cells)
    for fit in every[:MAX_SENTENCES]:
        ends: dict[str, list[str]] = {}
        for method, entry in fit.ends.items():
            ends.setdefault(entry.text, []).append(method)
        fitting = ends.pop("fits", [])
        parts = [f"{listed(fitting)} fit{'s' if len(fitting) == 1 else ''}"] if fitting else []
        parts += [f"{listed(methods)}: {text}" for text, methods in ends.items()]
        under = f"{fit.names} under {fit.budget}, {fit.work}"
        yield Finding("Fits", f"{under}: {'; '.join(parts)}.", "good" if fitting and not ends else "warn")
    yield from _more("Fits", len(every), min(MAX_SENTENCES, len(every)))


def _savings(facts: Facts) -> Iterator[Finding]:
    """Change of the peak at the three levels, for boards that stand for their class."""
    rows = facts.rows[(facts.rows["method"] != BASELINE) & (facts.rows["group"] == published.GROUP)]
    rows = rows[rows["base_tensor_bytes"].notna() | rows["base_gross_bytes"].notna()]
    if rows.empty:
        reason = f"no method of group {published.GROUP!r} completed beside {BASELINE} on the same board."
        yield Finding("Memory", f"No saving can be stated: {reason}", "muted")
    for _, row in figures.representatives(rows).head(MAX_SENTENCES).iterrows():
        yield _saving(row)
    yield from _more("Memory", len(rows), min(MAX_SENTENCES, len(figures.representatives(rows))))


def _saving(row: Any) -> Finding:
    changes = {words: relative(row[level], row[f"base_{level}"]) for level, words in LEVELS.items()}
    shown = [f"{show_change(value)} ({words})" for words, value in changes.items() if value is not None]
    board = figures.board_title(row)
    tone: Tone = "good" if all((value or 0) < 0 for value in changes.values()) else "warn"
    return Finding("Memory", f"{row['label']} against {BASELINE} on {board}: peak {', '.join(shown)}.", tone)


def _accuracy(facts: Facts) -> Iterator[Finding]:
    last = accuracy.finals(facts)
    if last.empty:
        yield Finding("Accuracy", "Not measured: no cell on real data completed.", "muted")
        return
    ends = [
        f"{label} {' / '.join(percent(value) for value in own['accuracy'])}"
        for label, own in last.groupby("label", sort=False)
    ]
    rounds = listed(str(value) for value in last["round"].unique())
    yield Finding("Accuracy", f"After {rounds} rounds, {workload(last)}: {listed(ends)}.")


def _equality(facts: Facts) -> Iterator[Finding]:
    found = equality.pairs(facts)
    compared = found[found["identical"].notna()]
    if compared.empty:
        yield Finding("Equality", f"Not checked: no pair with {BASELINE} completed.", "muted")
        return
    same = int(compared["identical"].sum())
    text = f"{listed(compared['method'].unique())} give {BASELINE}'s parameters bit by bit in {same} of {len(compared)}"
    yield Finding("Equality", f"{text} comparisons.", "good" if same == len(compared) else "bad")


def _published(facts: Facts) -> Iterator[Finding]:
    """Each headline once, under the strongest verdict that a board gave it."""
    verdicts: dict[str, list[State]] = {}
    for row in published.judged(facts):
        verdicts.setdefault(f"{row.claim.system} {row.claim.quantity}", []).append(row.verdict.state)
    best = {name: min(states, key=STRENGTH.index) for name, states in verdicts.items()}
    named = {state: [name for name, found in best.items() if found == state] for state in STRENGTH}
    parts = [f"{state}: {listed(named[state])}" for state in STRENGTH[:-1] if named[state]]
    rest = f"not comparable: {len(named['not comparable'])}"
    yield Finding("Published", f"Of {len(best)} headline numbers, {'; '.join([*parts, rest])}.")


def _unstable(facts: Facts) -> Iterator[Finding]:
    found = stability.finding(facts.run, facts.cells)
    if found:
        yield found


def _missing(facts: Facts) -> Iterator[Finding]:
    run = facts.run
    yield from stand_ins(run)
    absent = [name for name, board in run.boards.items() if board.get("state") not in (None, "ready")]
    if absent:
        share = f"{len(absent)} of {len(run.boards)} boards"
        yield Finding("Missing", f"{share} gave no result: {listed(absent, 5)}.", "warn")
    if run.manifest.get("state") != "finished":
        yield Finding("Missing", "The run was interrupted; this report covers what it had measured.", "warn")
    for gap in run.gaps:
        yield Finding("Missing", gap, "warn")
    wanted = {accuracy.GROUP, published.GROUP} - {name for name, _ in groups(facts.cells)}
    if wanted:
        yield Finding("Missing", f"The run has no cells of group {listed(sorted(wanted))}.", "warn")


def _more(label: str, count: int, told: int) -> Iterator[Finding]:
    if count > told:
        yield Finding(label, f"{count - told} more: see the tables below.", "muted")
