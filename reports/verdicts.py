"""Published headline numbers beside ours: reproduced, better, differs, or not comparable, by rule, and why.

The rule is OURS. A number is *reproduced* where our interval over repeats meets the published value within `TOLERANCE`,
*better* where the whole interval lies beyond that, *differs* where all of it falls short. Without an interval (fewer
than three repeats) our single figure takes its place, and the reason says so.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from harness.errors import BadInput, Problem
from reports.data import Entry, Tone
from reports.statistics import Estimate
from reports.tables import MINUS, TIE, listed

TOLERANCE = 0.05  # of the published value; OURS
UNKNOWN = "not known here"

State = Literal["better", "reproduced", "differs", "not comparable"]
STATE_TONES: dict[State, Tone] = {"better": "good", "reproduced": "good", "differs": "warn", "not comparable": "muted"}
STRENGTH: tuple[State, ...] = ("better", "reproduced", "differs", "not comparable")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One published number with its conditions, as far as they are known."""

    system: str
    quantity: str
    value: float | None  # in `unit`; None = no number of the source was readable
    bound: str  # exact, or "up to" = the best of the source's cases
    unit: str  # %, fold, x
    model: str
    dataset: str
    source: str
    evidence: str

    @property
    def headline(self) -> str:
        """`up to −82 %`."""
        if self.value is None:
            return "no number"
        return f"{'' if self.bound == 'exact' else self.bound + ' '}{show(self.value, self.unit)}"


@dataclass(frozen=True)
class Verdict:
    state: State
    why: str

    @property
    def entry(self) -> Entry:
        """The verdict as a chip."""
        return Entry(self.state, self.state, STATE_TONES[self.state])


def load_claims(path: Path) -> tuple[Claim, ...]:
    """Read a `published.csv`; an empty value stays missing, an empty condition is not known.

    Raises `BadInput` with every line that is no claim.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    problems = [problem for number, line in enumerate(lines, start=2) for problem in _problems(number, line)]
    if problems:
        raise BadInput(str(path), problems)
    return tuple(_claim(**line) for line in lines)


def _problems(number: int, line: Mapping[str | None, str | None]) -> Iterator[Problem]:
    """`number`: of the line in the file; a short line has None for what it lacks, a long one a column None."""
    names = {field.name for field in fields(Claim)}
    if set(line) != names or None in line.values():
        remedy = f"give it the columns {', '.join(sorted(names))}"
        yield Problem(path=f"line {number}", what="it has other columns than a claim", remedy=remedy)
        return
    if line["value"] and not _is_number(line["value"]):
        yield Problem(path=f"line {number}", what=f"{line['value']!r} is no number", remedy="leave it empty if unknown")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _claim(*, value: str, **words: str) -> Claim:
    conditions = {name: words[name] or UNKNOWN for name in ("model", "dataset")}
    return Claim(value=float(value) if value else None, **{**words, **conditions})


def judge(claim: Claim, measured: Mapping[str, Estimate | None], *, obstacle: str = "") -> Verdict:
    """Set our figures, level -> estimate in the claim's unit, beside the claim; the best level decides.

    `obstacle`: why they must not be compared.
    """
    if obstacle:
        return Verdict("not comparable", obstacle)
    if claim.value is None:
        return Verdict("not comparable", "no number of the source was readable")
    found = {level: value for level, value in measured.items() if value is not None}
    if not found:
        return Verdict("not comparable", "not measured in this run")
    states = {level: _state(claim.value, value) for level, value in found.items()}
    return Verdict(min(states.values(), key=STRENGTH.index), _why(claim, states, found))


def show(value: float, unit: str) -> str:
    """`−94 %`, `100-fold`, `2.02x`."""
    text = f"{abs(value):.4g}"
    if unit == "%":
        return f"{MINUS if value < 0 else '+'}{text}{TIE}%"
    return f"{text}-fold" if unit == "fold" else f"{text}{unit}"


def _state(target: float, ours: Estimate) -> State:
    """Seen in the claim's direction: a reduction is better the further it is below 0, a gain the further above."""
    sign = 1 if target > 0 else -1
    ends = [sign * (ours.value if end is None else end) for end in (ours.low, ours.high)]
    least, most = abs(target) * (1 - TOLERANCE), abs(target) * (1 + TOLERANCE)
    if max(ends) < least:
        return "differs"
    return "better" if min(ends) > most else "reproduced"


def _why(claim: Claim, states: Mapping[str, State], found: Mapping[str, Estimate]) -> str:
    reached = [level for level, state in states.items() if state != "differs"]
    missed = [level for level, state in states.items() if state == "differs"]
    parts = [f"not within {TOLERANCE:.0%} at any level" if len(missed) > 1 else f"not within {TOLERANCE:.0%}"]
    if reached:
        parts = [f"reached at: {listed(reached)}", *([f"not at: {listed(missed)}"] if missed else [])]
    if all(value.low is None for value in found.values()):
        fewest = min(value.repeats for value in found.values())
        parts.append(f"{'one repeat' if fewest == 1 else f'{fewest} repeats'}, so no interval")
    if claim.bound != "exact":
        parts.append("published is the best of its cases")
    if UNKNOWN in (claim.model, claim.dataset):
        parts.append("its conditions are not known here")
    return "; ".join(parts)
