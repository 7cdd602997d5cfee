"""Published headline numbers beside the small study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reports.data import Column, Entry, Paragraph, Section, Table
from reports.fedhybrid.simulated import REFERENCE, Played, target
from reports.statistics import Estimate
from reports.tables import MISSING, word
from reports.verdicts import Claim, judge, load_claims, show

OURS = "fedhybrid (selection=ucb)"
OORT_PROX = "fedprox"  # the study has it with Oort alone
INTRO = (
    "FedHybrid's tables were not available to us: the numbers are its abstract's and what public reviews quote. Its "
    "budgets, boards and data sets are not known here, so ours are set beside them in kind: a small model on a small "
    "data set, budgets that shut some clients out of full training, and virtual time."
)
VIRTUAL = "virtual time: it shows the direction, not the size"
ABSENT = "the study has not both methods"


def section(found: Sequence[Played]) -> Section:
    table = Table(
        caption="Published headline numbers beside the small study",
        columns=(
            Column("claim", "prose"), Column("published"), Column("model"), Column("ours", "number"),
            Column("verdict", "chip"), Column("why", "prose"), Column("source", "prose"),
        ),
        rows=tuple(_row(claim, {played.name: played for played in found}) for claim in claims()),
        note=f"Gain: best accuracy of {OURS} less the other's, in points. Speed: time of {REFERENCE} to the "
        "reference's accuracy over ours.",
    )  # fmt: skip
    return Section(slug="published", title="Published beside measured", blocks=(Paragraph(INTRO), table))


def claims() -> tuple[Claim, ...]:
    """The rows of published.csv."""
    return load_claims(Path(__file__).with_name("published.csv"))


def gain(other: str) -> Callable[[Mapping[str, Played]], float | None]:
    """Points of best accuracy over another method."""

    def measured(found: Mapping[str, Played]) -> float | None:
        if OURS not in found or other not in found:
            return None
        return 100 * (max(found[OURS].accuracy) - max(found[other].accuracy))

    return measured


def speed_up(found: Mapping[str, Played]) -> float | None:
    """How many times sooner the reference's accuracy is reached."""
    wanted = target(list(found.values()))
    if wanted is None or OURS not in found:
        return None
    ours, theirs = found[OURS].reached_s(wanted), found[REFERENCE].reached_s(wanted)
    return theirs / ours if ours and theirs else None


MEASURES: Mapping[str, Callable[[Mapping[str, Played]], float | None]] = {
    "accuracy gain over the compared methods": gain(REFERENCE),
    "wall-clock speed-up over the compared methods": speed_up,
    "accuracy gain over Oort with FedProx": gain(OORT_PROX),
    "convergence speed over random selection": speed_up,
}


def _row(claim: Claim, found: Mapping[str, Played]) -> tuple[Entry, ...]:
    value = MEASURES[claim.quantity](found)
    obstacle = ABSENT if value is None else VIRTUAL if claim.unit == "x" else ""
    verdict = judge(claim, {"the small study": None if value is None else Estimate(value)}, obstacle=obstacle)
    return (
        word(f"{claim.system}: {claim.quantity}"), Entry(claim.headline, claim.value), word(claim.model),
        MISSING if value is None else Entry(show(float(f"{value:.3g}"), claim.unit), value),
        verdict.entry, word(verdict.why), word(f"{claim.source} {claim.evidence}"),
    )  # fmt: skip
