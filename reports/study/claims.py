"""The paper's headline numbers beside what this run found, with a verdict and a reason each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from reports.data import Column, Entry, Paragraph, Section, Table
from reports.statistics import Estimate, estimate
from reports.study.accuracy import gaps
from reports.study.facts import LIMITED, MAIN, Facts
from reports.study.speed import sooner
from reports.study.stages import AVERAGE, PEAK, savings
from reports.tables import MISSING, word
from reports.verdicts import Claim, judge, load_claims, show

INTRO = (
    "Only the headline numbers of the abstracts were readable to us: models, data, boards, memory settings and "
    "baselines behind them are not known here, and “up to” names the best of their cases. The accuracy gain is set "
    f"beside the gap to {LIMITED}, the baseline that can fail; the speed beside the virtual time to the highest "
    "accuracy that both reach."
)

Measure = Callable[[Facts], Mapping[str, Estimate | None]]


def average_memory(facts: Facts) -> Mapping[str, Estimate | None]:
    return savings(facts, AVERAGE)


def peak_memory(facts: Facts) -> Mapping[str, Estimate | None]:
    return savings(facts, PEAK)


def training_speed(facts: Facts) -> Mapping[str, Estimate | None]:
    return {f"virtual time, {group}": sooner(facts, group, facts.method, LIMITED) for group in MAIN}


def accuracy_gain(facts: Facts) -> Mapping[str, Estimate | None]:
    return {f"{group}, {LIMITED}": _scaled(estimate(gaps(facts, group)), 100) for group in MAIN}


MEASURES: Mapping[str, Measure] = {
    "average memory": average_memory,
    "peak memory": peak_memory,
    "training speed": training_speed,
    "accuracy gain": accuracy_gain,
}


def section(facts: Facts, published: Path) -> Section:
    claims = load_claims(published)
    columns = (
        Column("claim"),
        Column("published"),
        Column("ours", "prose"),
        Column("verdict", "chip"),
        Column("why", "prose"),
        Column("source", "prose"),
    )
    table = Table(
        caption="Published beside measured",
        columns=columns,
        rows=tuple(_row(facts, c) for c in claims),
        note="[ABS]: the paper's abstract. Model, data set and conditions: not known here.",
    )
    return Section(slug="published", title="Published beside measured", blocks=(Paragraph(INTRO), table))


def _row(facts: Facts, claim: Claim) -> tuple[Entry, ...]:
    measured = {level: value for level, value in MEASURES[claim.quantity](facts).items() if value is not None}
    verdict = judge(claim, measured)
    ours = "; ".join(f"{level}: {_shown(value, claim.unit)}" for level, value in measured.items())
    return (
        word(f"{claim.system}: {claim.quantity}"),
        Entry(claim.headline, claim.value),
        word(ours) if ours else MISSING,
        verdict.entry,
        word(verdict.why),
        word(f"{claim.source}; {claim.evidence}"),
    )


def _shown(found: Estimate, unit: str) -> str:
    text = show(float(f"{found.value:.3g}"), unit)
    if found.low is not None and found.high is not None:
        text += f" ({found.low:.3g} to {found.high:.3g})".replace("-", "−")
    return text


def _scaled(found: Estimate | None, factor: float) -> Estimate | None:
    if found is None or found.low is None or found.high is None:
        return None if found is None else found._replace(value=factor * found.value)
    return found._replace(value=factor * found.value, low=factor * found.low, high=factor * found.high)
