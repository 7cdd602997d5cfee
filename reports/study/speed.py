"""Virtual time to the same accuracy: the highest that both methods reach, seed by seed."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from reports.data import Block, Column, Entry, Finding, Paragraph, Section, Table
from reports.statistics import Estimate, estimate
from reports.study.facts import LIMITED, MAIN, UNLIMITED, Facts, methods_in_order
from reports.tables import MISSING, count, quantity, share, word

INTRO = (
    "How much sooner a method is at the highest accuracy that both it and the baseline reach, in virtual time and seed "
    f"by seed: above 1 it is faster. {LIMITED} is FedAvg under the same memory classes; {UNLIMITED} has no limit. The "
    "choice of the accuracy is ours; where a method ends lower, the race is to where it ends."
)
BASES = (LIMITED, UNLIMITED)


def section(facts: Facts) -> Section:
    blocks: list[Block] = [Paragraph(INTRO)]
    for group in MAIN:
        if speeds(facts, group, facts.method, LIMITED):
            blocks.append(_table(facts, group))
    if len(blocks) == 1:
        blocks = [Paragraph("No pair of methods reached the same accuracy in virtual time.", "warn")]
    return Section(slug="speed", title="Time to the same accuracy", blocks=tuple(blocks))


def speeds(facts: Facts, group: str, method: str, base: str) -> list[tuple[float, float]]:
    """(accuracy, baseline's time over the method's), one per seed on which both ran."""
    own = facts.curves[facts.curves["group"] == group]
    ours, theirs = _by_seed(own, method), _by_seed(own, base)
    pairs = [(ours[seed], theirs[seed]) for seed in sorted(set(ours) & set(theirs))]
    found = []
    for mine, other in pairs:
        target = min(mine["best"].max(), other["best"].max())
        mine_s, other_s = time_to(mine, target), time_to(other, target)
        if mine_s and other_s:
            found.append((target, other_s / mine_s))
    return found


def time_to(curve: pd.DataFrame, target: float) -> float | None:
    """Seconds of virtual time until the curve is at `target`; None where it never is, or where there is no time."""
    there = curve[(curve["best"] >= target).fillna(False)]
    return None if there.empty or pd.isna(there["time_s"].iloc[0]) else float(there["time_s"].iloc[0])


def sooner(facts: Facts, group: str, method: str, base: str) -> Estimate | None:
    return estimate([ratio for _, ratio in speeds(facts, group, method, base)])


def findings(facts: Facts) -> Iterator[Finding]:
    for group in MAIN:
        found = sooner(facts, group, facts.method, LIMITED)
        if found is not None:
            text = f"{group}: {found.value:.2f} times as fast as {LIMITED} to the same accuracy (virtual time)."
            yield Finding("Time", text, "good" if found.value > 1 else "warn")


def _by_seed(own: pd.DataFrame, method: str) -> dict[int, pd.DataFrame]:
    return {int(str(seed)): curve for seed, curve in own[own["method"] == method].groupby("seed")}


def _table(facts: Facts, group: str) -> Table:
    columns = [Column("method")]
    for base in BASES:
        columns += [
            Column(f"accuracy of both ({base})", "number"),
            Column(f"times as fast as {base}", "number"),
            Column(f"95 % interval ({base})", "number"),
        ]
    rows = tuple(_row(facts, group, method) for method in methods_in_order(facts, group))
    return Table(
        caption=f"Time to the same accuracy, {group}",
        columns=(*columns, Column("seeds", "number")),
        rows=rows,
        note="Medians over seeds.",
    )


def _row(facts: Facts, group: str, method: str) -> tuple[Entry, ...]:
    entries: list[Entry] = [word(method)]
    for base in BASES:
        found = speeds(facts, group, method, base)
        ratio = estimate([value for _, value in found])
        if method == base or ratio is None:
            entries += [MISSING] * 3
            continue
        targets = estimate([target for target, _ in found])
        assert targets is not None
        known = ratio.low is not None and ratio.high is not None
        interval = Entry(f"{ratio.low:.2f} to {ratio.high:.2f}") if known else MISSING
        entries += [share(targets.value), quantity(ratio.value, 2), interval]
    return (*entries, count(len(speeds(facts, group, method, LIMITED))))
