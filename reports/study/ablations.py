"""The method without one of its parts at a time, beside the whole of it."""

from __future__ import annotations

from reports.data import Block, Column, Entry, Paragraph, Section, Table
from reports.statistics import estimate
from reports.study.accuracy import finals, points
from reports.study.facts import MAIN, MEMORY, Facts
from reports.tables import MISSING, count, quantity, share, word

WHOLE = MAIN[0]


def section(facts: Facts) -> Section:
    groups = [g for g in facts.studied["group"].dropna().unique() if g not in (*MAIN, MEMORY)]
    if not groups or not finals(facts, WHOLE, facts.method):
        blocks: tuple[Block, ...] = (Paragraph("No cell of this run leaves a part of the method out.", "warn"),)
    else:
        blocks = (_table(facts, [WHOLE, *groups]),)
    return Section(slug="ablations", title="Ablations", blocks=blocks)


def _table(facts: Facts, groups: list[str]) -> Table:
    columns = (
        Column("what is left out"),
        Column("best accuracy", "number"),
        Column("against the whole", "text"),
        Column("virtual time, s", "number"),
        Column("seeds", "number"),
    )
    rows = tuple(_row(facts, group) for group in groups)
    return Table(
        caption=f"{facts.method} without one of its parts, {WHOLE}",
        columns=columns,
        rows=rows,
        note="Medians over seeds; differences seed by seed, with a percentile bootstrap. As many rounds each.",
    )


def _row(facts: Facts, group: str) -> tuple[Entry, ...]:
    whole, own = finals(facts, WHOLE, facts.method), finals(facts, group, facts.method)
    found = estimate(list(own.values()))
    difference = estimate([own[seed] - whole[seed] for seed in sorted(set(own) & set(whole))])
    curves = facts.curves[(facts.curves["group"] == group) & (facts.curves["method"] == facts.method)]
    took = curves.groupby("cell_id")["time_s"].max().median()
    name = "nothing" if group == WHOLE else group
    if found is None or difference is None:
        return word(name), MISSING, MISSING, MISSING, count(0)
    beside = MISSING if group == WHOLE else Entry(points(difference), difference.value)
    return word(name), share(found.value), beside, quantity(took, 0), count(len(own))
