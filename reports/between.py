"""Two runs side by side: the same work on the same board under the same circumstances, as ratios with intervals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import pandas as pd

from reports.compare import CIRCUMSTANCE, EACH, SUBJECT, merged, prepared
from reports.read import Run
from reports.statistics import Estimate, ratio
from reports.tables import number

METRICS = ("tensor_bytes", "above_bytes", "round_s", "compute_s", "energy_j", "accuracy")
NOISE = 0.02  # a ratio within this of 1 is the same: what one cell varies by; OURS

JUDGED = ("torch_version", "budget_kind", "circumstances_id")  # where both runs must agree

Verdict = Literal["same", "differs", "unsure", "not comparable"]


class Pair(NamedTuple):
    """One metric of one piece of work on one board in both runs."""

    board: str
    cell: str
    metric: str
    before: float | None
    after: float | None
    ratio: Estimate | None
    verdict: Verdict
    why: str


def pairs(first: Run, second: Run) -> list[Pair]:
    """Every piece of work of either run; none is left out silently."""
    sides = [merged(prepared(run)) for run in (first, second)]
    work = [name for name in (*CIRCUMSTANCE, *SUBJECT) if name not in JUDGED]
    both = sides[0].merge(sides[1], on=work, how="outer", suffixes=("_1", "_2"), sort=False)
    return [pair for _, row in both.iterrows() for pair in _pairs(row)]


def _pairs(row: Any) -> Iterator[Pair]:
    cell = f"{row['group']}: {row['label']}, {row['model']} on {row['dataset']}, batch {row['batch']}"
    obstacle = _obstacle(row)
    for metric in METRICS:
        before, after = (number(row[f"{metric}_{side}"]) for side in (1, 2))
        if before is None and after is None:
            continue
        found = None if obstacle else ratio(row[f"{EACH}{metric}_2"], row[f"{EACH}{metric}_1"])
        yield Pair(str(row["board"]), cell, metric, before, after, found, *_verdict(found, obstacle))


def _obstacle(row: Any) -> str:
    for side, words in ((1, "second"), (2, "first")):
        if pd.isna(row[f"repeats_{side}"]):
            return f"completed in the {words} run only"
    for name in JUDGED:
        before, after = row[f"{name}_1"], row[f"{name}_2"]
        if not (pd.isna(before) and pd.isna(after)) and (pd.isna(before) or pd.isna(after) or before != after):
            return f"{name.replace('_id', '').replace('_', ' ')} differs"
    return ""


def _verdict(found: Estimate | None, obstacle: str) -> tuple[Verdict, str]:
    if obstacle:
        return "not comparable", obstacle
    if found is None:
        return "not comparable", "one side is missing"
    if found.low is None or found.high is None:
        near = abs(found.value - 1) <= NOISE
        return ("same" if near else "unsure"), f"{found.repeats} repeats, so no interval"
    if found.low > 1 + NOISE or found.high < 1 - NOISE:
        return "differs", f"the whole interval lies beyond {NOISE:.0%}"
    if found.low >= 1 - NOISE and found.high <= 1 + NOISE:
        return "same", f"the whole interval lies within {NOISE:.0%}"
    return "unsure", f"the interval meets {NOISE:.0%}"
