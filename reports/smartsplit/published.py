"""SmartSplit's headline claims beside what this run measured."""

from __future__ import annotations

from pathlib import Path

from reports.data import Column, Entry, Paragraph, Section, Table
from reports.quick.facts import Facts
from reports.smartsplit.facts import TRACE, cut_rows
from reports.smartsplit.latency import limited
from reports.smartsplit.memory import folds
from reports.smartsplit.stepping import managed
from reports.statistics import Estimate, estimate
from reports.tables import word
from reports.verdicts import Claim, judge, load_claims, show

INTRO = (
    "Only the abstract's headline numbers were available to us: models, data sets, boards, baselines and the level of "
    "the memory figure are not known here, and “up to” names the best of their cases."
)
NOT_MEASURED = "nothing in this run measures it"


def section(facts: Facts) -> Section:
    claims = load_claims(Path(__file__).with_name("published.csv"))
    table = Table(
        caption="Published beside measured",
        columns=(
            Column("claim", "prose"), Column("published"), Column("measured", "prose"), Column("verdict", "chip"),
            Column("why", "prose"),
        ),
        rows=tuple(row for claim in claims for row in _rows(facts, claim)),
    )  # fmt: skip
    return Section(slug="published", title="Published beside measured", blocks=(Paragraph(INTRO), table))


def _rows(facts: Facts, claim: Claim) -> list[tuple[Entry, ...]]:
    if claim.quantity == "memory saving":
        found = [
            (f"{board}, {row.label}: {show(fold, 'fold')}", {"tensor": estimate([fold])}, "")
            for board, (row, fold) in folds(cut_rows(facts)).items()
        ]
    elif claim.quantity == "peak latency":
        found = [
            (
                f"{at.board}, {at.link}: {show(at.saved * 100, '%')} (model)",
                {"time": estimate([at.saved * 100])},
                "the baseline is a model of ours, theirs is not known here",
            )
            for at in limited(cut_rows(facts))
        ]
    elif claim.quantity.startswith("adapts"):
        found = [(_adapted(facts), {}, "no number was readable")]
    else:
        found = [("", {}, "the compared methods' accuracy under their budgets is not known here")]
    return [_row(claim, *one) for one in found or [("", {}, NOT_MEASURED)]]


def _adapted(facts: Facts) -> str:
    cells = facts.cells[(facts.cells["group"] == TRACE) & facts.cells["options"].map(managed).astype(bool)]
    if cells.empty:
        return NOT_MEASURED
    done = int((cells["outcome"] == "completed").sum())
    return f"{done} of {len(cells)} boards went through a budget that steps from 160 to 40 MiB and back"


def _row(claim: Claim, measured: str, values: dict[str, Estimate | None], obstacle: str) -> tuple[Entry, ...]:
    verdict = judge(claim, values, obstacle=obstacle)
    return (
        word(f"{claim.system}: {claim.quantity}"),
        Entry(claim.headline, claim.value),
        word(measured),
        verdict.entry,
        word(verdict.why),
    )
