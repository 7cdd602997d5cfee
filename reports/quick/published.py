"""Published headline numbers beside what this run measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from reports.compare import BASELINE, LEVELS, against
from reports.data import Column, Entry, Paragraph, Section, Table
from reports.quick.facts import Facts
from reports.quick.stages import averages, stage_peaks
from reports.statistics import Estimate, estimate
from reports.tables import MINUS, MISSING, word
from reports.verdicts import TOLERANCE, Claim, Verdict, judge, load_claims, show

GROUP = "memory"
INTRO = (
    "The papers' tables and figures were not available to us; only the headline numbers of their abstracts are set "
    "beside ours. Their models, data sets, boards, baselines and the level of their memory figures are not known here, "
    "and “up to” names the best of their cases. Reproduced: our interval over repeats meets the number within "
    f"{TOLERANCE:.0%} at one level at least, which is named; better: all of it lies beyond; differs: all of it falls "
    "short. The rule is ours."
)
NO_BASE = f"{BASELINE} did not complete on this board under the same circumstances"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Our figures for a claim on one board, by level and in the claim's unit."""

    board: str = ""
    method: str = ""
    values: Mapping[str, Estimate | None] = field(default_factory=dict)
    obstacle: str = ""  # why they must not be compared


@dataclass(frozen=True)
class Judged:
    claim: Claim
    measured: Measured
    verdict: Verdict


Measure = Callable[[Facts], list[Measured]]
Convert = Callable[[float], float]  # a ratio to the baseline -> the claim's unit


def split_memory(facts: Facts) -> list[Measured]:
    """SmartSplit's fold: the baseline's device peak over the split device peak."""
    return [_at_levels(row, _fold) for row in _rows(facts, "split")]


def recompute_memory(facts: Facts) -> list[Measured]:
    """How far recomputation moves the peak; the paper's own number is not known."""
    return [_at_levels(row, _percent) for row in _rows(facts, "recompute")]


def freeze_memory(facts: Facts) -> list[Measured]:
    """SmartFreeze's average: the mean over stages of the peak, against the baseline's peak; repeats together."""
    peaks = stage_peaks(facts)
    means = averages(peaks[(peaks["group"] == GROUP) & (peaks["method"] == "freeze")])
    return [_staged(own) for _, own in means.groupby(["board", "label"], sort=False)]


def _staged(own: pd.DataFrame) -> Measured:
    """One board and method: a row of `stages.averages` per repeat, each with the baseline's median peak."""
    first = own.iloc[0]
    found = {
        words: estimate([float(value) for value in (own[level] / own[f"base_{level}"]).dropna()])
        for level, words in LEVELS.items()
    }
    values = {words: _converted(ratio_, _percent) for words, ratio_ in found.items()}
    missing = all(value is None for value in values.values())
    return Measured(board=first["board"], method=first["label"], values=values, obstacle=NO_BASE if missing else "")


def split_latency(facts: Facts) -> list[Measured]:
    """Peak latency, read as the slowest round."""
    return [_in_time(row, "worst_s", _percent) for row in _rows(facts, "split")]


def freeze_speed(facts: Facts) -> list[Measured]:
    """Training speed, read as the time of all rounds, of which both have the same number."""
    return [_in_time(row, "total_s", _fold) for row in _rows(facts, "freeze")]


def accuracy_gain(_: Facts) -> list[Measured]:
    """Gains over baselines that nearly fail under a memory limit; ours are not theirs."""
    return [Measured(obstacle="the methods it was compared with are not known here, and this report runs none of them")]


MEASURES: dict[tuple[str, str], Measure] = {
    ("SmartSplit", "memory saving"): split_memory,
    ("SmartSplit", "peak latency"): split_latency,
    ("SmartSplit", "accuracy gain over the compared methods"): accuracy_gain,
    ("SmartSplit", "adapts to a changing memory budget by recomputation"): recompute_memory,
    ("SmartFreeze", "average memory"): freeze_memory,
    ("SmartFreeze", "training speed"): freeze_speed,
    ("SmartFreeze", "accuracy gain over the compared methods"): accuracy_gain,
}


def claims() -> tuple[Claim, ...]:
    """The rows of published.csv."""
    return load_claims(Path(__file__).with_name("published.csv"))


def judged(facts: Facts) -> list[Judged]:
    """Every claim on every board; a claim that nothing measured has one row that says so."""
    out = []
    for claim in claims():
        measure = MEASURES.get((claim.system, claim.quantity))
        found = measure(facts) if measure else [Measured(obstacle="nothing in this report measures it")]
        for measured in found or [Measured()]:
            out.append(Judged(claim, measured, judge(claim, measured.values, obstacle=measured.obstacle)))
    return out


def section(facts: Facts) -> Section:
    """What was published, then our figures at every level with the verdict."""
    blocks = (Paragraph(INTRO), _beside(judged(facts)), _sources())
    return Section(slug="published", title="Published beside measured", blocks=blocks)


def _rows(facts: Facts, method: str) -> list[Any]:
    rows = facts.rows[(facts.rows["group"] == GROUP) & (facts.rows["method"] == method)]
    return [row for _, row in rows.iterrows()]


def _fold(ratio_: float) -> float:
    """How many times smaller (or faster) than the baseline."""
    return 1 / ratio_


def _percent(ratio_: float) -> float:
    """Change against the baseline in %."""
    return (ratio_ - 1) * 100


def _converted(found: Estimate | None, convert: Convert) -> Estimate | None:
    if found is None:
        return None
    if found.low is None or found.high is None:
        return found._replace(value=convert(found.value))
    low, high = sorted((convert(found.low), convert(found.high)))
    return found._replace(value=convert(found.value), low=low, high=high)


def _at_levels(row: Any, convert: Convert) -> Measured:
    values = {words: _converted(against(row, level), convert) for level, words in LEVELS.items()}
    missing = all(value is None for value in values.values())
    return Measured(board=row["board"], method=row["label"], values=values, obstacle=NO_BASE if missing else "")


def _in_time(row: Any, column: str, convert: Convert) -> Measured:
    found = _converted(against(row, column), convert)
    virtual = not pd.isna(row["virtual"])
    obstacle = NO_BASE if found is None else "virtual seconds" if virtual else ""
    values = {"time (virtual)" if virtual else "time": found}
    return Measured(board=row["board"], method=row["label"], values=values, obstacle=obstacle)


def _beside(rows: list[Judged]) -> Table:
    return Table(
        caption="Published headline numbers beside this run",
        columns=(
            Column("claim", "prose"),
            Column("published"),
            Column("board"),
            *(Column(words, "number") for words in LEVELS.values()),
            Column("time", "number"),
            Column("verdict", "chip"),
            Column("why", "prose"),
        ),
        rows=tuple(_row(row) for row in rows),
        note=f"Fold: {BASELINE}'s device peak over the method's. Average: mean over stages of the peak against "
        f"{BASELINE}'s peak. Recomputation: its peak against {BASELINE}'s. Latency: the slowest round; "
        "speed: all rounds together, not the time to an accuracy.",
    )


def _row(row: Judged) -> tuple[Entry, ...]:
    claim, values = row.claim, row.measured.values
    time = next((name for name in values if name.startswith("time")), "")
    mark = " (virtual)" if time.endswith("(virtual)") else ""
    headline = Entry(claim.headline, claim.value)
    return (
        word(f"{claim.system}: {claim.quantity}"),
        headline,
        word(row.measured.board),
        *(_value(values.get(words), claim.unit) for words in LEVELS.values()),
        _value(values.get(time), claim.unit, mark),
        row.verdict.entry,
        word(row.verdict.why),
    )


def _value(found: Estimate | None, unit: str, mark: str = "") -> Entry:
    """`−58.3 % (−59 to −57)`, the interval where there is one."""
    if found is None:
        return MISSING
    text = show(float(f"{found.value:.3g}"), unit)
    if found.low is not None and found.high is not None:
        text += f" ({found.low:.3g} to {found.high:.3g})".replace("-", MINUS)
    return Entry(text + mark, found.value)


def _sources() -> Table:
    names = ("system", "quantity", "model", "dataset", "source", "evidence")
    wide = ("quantity", "source", "evidence")
    return Table(
        caption="Where the published numbers come from",
        columns=tuple(Column(name, "prose" if name in wide else "text") for name in names),
        rows=tuple(tuple(word(getattr(claim, name)) for name in names) for claim in claims()),
        note="[ABS]: the paper's abstract. Boards: not known here.",
    )
