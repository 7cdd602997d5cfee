"""Accuracy and time under memory classes, from the newest simulated run of each report (`make study REPORT=...`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row
from reports.read import read_run
from reports.statistics import Estimate, estimate
from reports.study.accuracy import finals, gaps
from reports.study.facts import LIMITED, MAIN, UNLIMITED, Facts, facts_of
from reports.study.speed import sooner, speeds

RESULTS = Path("results")
SPEED = {"smartfreeze": 2.02, "neulite": 1.9}  # times as fast as FedAvg, the papers' best
POINTS = {"smartfreeze": 83.1, "profl": 82.4, "neulite": 84.2}  # of accuracy, the papers' best, over a failing baseline


def study_rows() -> list[Row]:
    return [row for report in POINTS for row in _rows(report)]


def newest(report: str) -> Path | None:
    """The last finished simulated run of a report; ids sort by time."""
    for folder in sorted((RESULTS / report).glob("*"), reverse=True):
        manifest = folder / "manifest.json"
        if manifest.is_file():
            facts = json.loads(manifest.read_text())
            if facts.get("simulated") and facts.get("state") == "finished":
                return folder
    return None


def _rows(report: str) -> Iterator[Row]:
    folder = newest(report)
    if folder is None:
        yield Row(
            quantity=f"{report}: accuracy and time under memory classes",
            target="a study",
            measured="no run",
            spread="",
            holds=None,
            remark=f"make study REPORT={report}",
        )
        return
    facts = facts_of(read_run(folder), report)
    for group in MAIN:
        if report in SPEED:
            yield _speed(facts, group)
        yield _gap(facts, group)


def _speed(facts: Facts, group: str) -> Row:
    limited, unlimited = (sooner(facts, group, facts.method, base) for base in (LIMITED, UNLIMITED))
    reached = estimate([accuracy for accuracy, _ in speeds(facts, group, facts.method, LIMITED)])
    target = SPEED[facts.method]
    return Row(
        quantity=f"{facts.method}, {group}: time to the same accuracy against FedAvg under the same memory classes",
        target=f">= {target} x",
        measured=_shown(limited, 1, " x") + (f", at {100 * reached.value:.0f} % accuracy" if reached else ""),
        spread=_interval(limited, 1),
        holds=None if limited is None else limited.value >= target,
        remark=f"virtual time; against FedAvg without a limit {_shown(unlimited, 1, ' x')}",
    )


def _gap(facts: Facts, group: str) -> Row:
    found = estimate(gaps(facts, group))
    bases = {base: estimate(list(finals(facts, group, base).values())) for base in (LIMITED, UNLIMITED)}
    beside = ", ".join(f"{base} {_shown(value, 100, ' %')}" for base, value in bases.items())
    return Row(
        quantity=f"{facts.method}, {group}: best accuracy less that of {LIMITED}",
        target=f"above 0 (published: up to +{POINTS[facts.method]} where the baseline fails)",
        measured=_shown(found, 100, " points"),
        spread=_interval(found, 100),
        holds=None if found is None or found.low is None else found.low > 0,
        remark=beside,
    )


def _shown(found: Estimate | None, factor: float, unit: str) -> str:
    return "not measured" if found is None else f"{factor * found.value:.2f}{unit}"


def _interval(found: Estimate | None, factor: float) -> str:
    if found is None or found.low is None or found.high is None:
        return "no interval"
    return f"{factor * found.low:.2f} to {factor * found.high:.2f}, {found.repeats} seeds"
