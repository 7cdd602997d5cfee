"""Measured values as table entries. A missing value is an en dash, never 0; a virtual second is called virtual."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from harness.units import mib, show_bytes, show_percent
from reports.data import Entry, Tone

DASH = "–"
MINUS = "−"  # a true minus: a hyphen would break the line after it
TIE = "\u00a0"  # a no-break space between a number and its unit
MISSING = Entry(DASH, None, "muted")

TONES: dict[str, Tone] = {"completed": "good", "out_of_memory": "bad", "timed_out": "bad", "crashed": "bad"}


def number(value: Any) -> float | None:
    """A float, or None for every kind of missing."""
    return None if value is None or pd.isna(value) else float(value)


def word(value: Any, tone: Tone = "") -> Entry:
    """A name or another text, as it is."""
    text = "" if value is None or pd.isna(value) else str(value)
    return Entry(text, text, tone) if text else MISSING


def count(value: Any) -> Entry:
    """A whole number."""
    found = number(value)
    return MISSING if found is None else Entry(f"{found:.0f}", int(found))


def size(value_bytes: Any) -> Entry:
    """Bytes as a bare number; the column's name says MiB."""
    found = number(value_bytes)
    if found is None:
        return MISSING
    return Entry(f"{mib(found):,.1f}", int(found) if found == int(found) else found)


def quantity(value: Any, digits: int = 2, *, mark: str = "") -> Entry:
    """A bare number whose unit stands in the column's name, and a mark (virtual) where rows differ in it."""
    found = number(value)
    return MISSING if found is None else Entry(f"{found:.{digits}f}{mark}".replace("-", MINUS), found)


def share(value: Any) -> Entry:
    """A share of one as a percentage."""
    found = number(value)
    return MISSING if found is None else Entry(percent(found), found)


def change(value: Any) -> Entry:
    """A relative change with its sign: -0.583 is `−58.3 %`."""
    found = number(value)
    return MISSING if found is None else Entry(show_change(found), found)


def show_change(value: float) -> str:
    """`−58.3 %`, `+3.0 %`, `±0.0 %`."""
    sign = "±" if f"{value:.3f}".strip("-") == "0.000" else MINUS if value < 0 else "+"
    return sign + percent(abs(value))


def percent(share_of_one: float) -> str:
    """`95.0 %`, on one line."""
    return show_percent(share_of_one).replace(" ", TIE)


def amount(value_bytes: float) -> str:
    """`812 MiB`, on one line."""
    return show_bytes(value_bytes).replace(" ", TIE)


def relative(value: Any, base: Any) -> float | None:
    """value / base - 1, or None where either is missing."""
    ours, theirs = number(value), number(base)
    return None if ours is None or not theirs else ours / theirs - 1


def outcome(name: Any, repeats: Any = None, tries: Any = None) -> Entry:
    """How a cell ended on a board, as a chip; `fits 2 of 3` where only some repeats completed."""
    text = "" if pd.isna(name) else str(name)
    if not text:
        return MISSING
    if text == "completed" and number(repeats) != number(tries):
        return Entry(f"fits {number(repeats):.0f} of {number(tries):.0f}", text, "warn")
    return Entry("fits" if text == "completed" else text.replace("_", " "), text, TONES.get(text, "warn"))


def budget(value_bytes: Any) -> str:
    """`768 MiB`, or `no budget`."""
    found = number(value_bytes)
    return "no budget" if found is None else amount(found)


def virtual_mark(rows: pd.DataFrame) -> str:
    """What a heading adds to a unit of time or energy: ` (virtual)` where all boards are, a hint where some are."""
    marks = rows["virtual"].notna()
    if not len(marks) or not marks.any():
        return ""
    return " (virtual)" if marks.all() else " (virtual where marked)"


def row_mark(rows: pd.DataFrame, row: Any) -> str:
    """What a single number adds: needed only where real and virtual boards share a table."""
    mixed = virtual_mark(rows).endswith("marked)")
    return " (virtual)" if mixed and not pd.isna(row["virtual"]) else ""


def listed(names: Iterable[str], limit: int = 99) -> str:
    """`a, b and c`, or `a, b and 5 more`."""
    every: Sequence[str] = list(names)
    shown = list(every) if len(every) <= limit else [*every[: limit - 1], f"{len(every) - limit + 1} more"]
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]])) if shown else "none"
