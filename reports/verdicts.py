"""Published headline numbers beside ours: reproduced, differs, or not comparable and why."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reports.data import Entry, Tone
from reports.tables import MINUS, TIE, listed

TOLERANCE = 0.05  # relative, for a number that the source prints as exact
UNKNOWN = "not known here"

State = Literal["reproduced", "differs", "not comparable"]
STATE_TONES: dict[State, Tone] = {"reproduced": "good", "differs": "warn", "not comparable": "muted"}


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
    """Read a `published.csv`; an empty value stays missing."""
    with path.open(encoding="utf-8", newline="") as stream:
        return tuple(_claim(**row) for row in csv.DictReader(stream))


def _claim(*, value: str, **words: str) -> Claim:
    return Claim(value=float(value) if value else None, **words)


def judge(claim: Claim, measured: Mapping[str, float | None], *, obstacle: str = "") -> Verdict:
    """Set our figures, level -> value in the claim's unit, beside the claim. `obstacle`: why they must not be."""
    if obstacle:
        return Verdict("not comparable", obstacle)
    if claim.value is None:
        return Verdict("not comparable", "no number of the source was readable")
    found = {level: value for level, value in measured.items() if value is not None}
    if not found:
        return Verdict("not comparable", "not measured in this run")
    reached = [level for level, value in found.items() if _reaches(claim, value)]
    missed = [level for level in found if level not in reached]
    return Verdict("reproduced" if reached else "differs", _why(claim, reached, missed))


def show(value: float, unit: str) -> str:
    """`−94 %`, `100-fold`, `2.02x`."""
    text = f"{abs(value):.4g}"
    if unit == "%":
        return f"{MINUS if value < 0 else '+'}{text}{TIE}%"
    return f"{text}-fold" if unit == "fold" else f"{text}{unit}"


def _reaches(claim: Claim, value: float) -> bool:
    """A bound is reached from its own side: −85 % reaches "up to −82 %", −60 % does not."""
    target = claim.value or 0.0
    if claim.bound == "exact":
        return abs(value - target) <= TOLERANCE * abs(target)
    return value >= target if target > 0 else value <= target


def _why(claim: Claim, reached: list[str], missed: list[str]) -> str:
    parts = ["not reached at any level" if len(missed) > 1 else "not reached"]
    if reached:
        parts = [f"reached at: {listed(reached)}", *([f"not at: {listed(missed)}"] if missed else [])]
    if claim.bound != "exact":
        parts.append("published is the best of its cases")
    if UNKNOWN in (claim.model, claim.dataset):
        parts.append("its conditions are not known here")
    return "; ".join(parts)
