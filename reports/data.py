"""What a report says, as plain data. Reports make it, writers show it and add nothing of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

FORMAT = 1  # of report.json

Value = str | int | float | bool | None
Tone = Literal["", "good", "bad", "warn", "muted"]  # how a word is coloured; the word itself carries the meaning
Kind = Literal["text", "number", "code", "chip", "prose"]


@dataclass(frozen=True)
class Entry:
    """One field of a table: the text that both writers print, and the value behind it in SI units.

    A page sorts by the value.
    """

    text: str
    value: Value = None
    tone: Tone = ""
    link: str = ""  # the anchor in the page that has more: a cell's provenance


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind = "text"  # prose may wrap and takes the room that is left


@dataclass(frozen=True, kw_only=True)
class Table:
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Entry, ...], ...]
    note: str = ""
    anchors: tuple[str, ...] = ()  # of the rows, where others link to them


@dataclass(frozen=True, kw_only=True)
class Figure:
    name: str  # prefix of the ids inside its SVG, unique in the report
    caption: str
    alt: str  # what the picture shows, for those who cannot see it
    svg: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a `Traces`; the same board and the same method look alike in all of them."""

    board: str
    method: str
    colour: str
    dash: tuple[int, ...]  # lengths of stroke and gap in points; empty: solid
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Traces:
    """Values over time, which a page lets its reader zoom into; paper gets the SVG of the same points."""

    name: str  # unique in the report
    caption: str
    alt: str
    x_name: str
    y_name: str
    lines: tuple[Line, ...]
    svg: str


@dataclass(frozen=True)
class Paragraph:
    text: str
    tone: Tone = ""  # "warn": something is missing


Block = Paragraph | Table | Figure | Traces


@dataclass(frozen=True, kw_only=True)
class Section:
    slug: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Finding:
    """One sentence of the summary, with the word that says what it is about."""

    label: str
    text: str
    tone: Tone = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    name: str
    title: str
    run_id: str
    subtitle: str
    findings: tuple[Finding, ...]
    sections: tuple[Section, ...]


def plain(report: Report) -> dict[str, Any]:
    """The report as JSON types. Tables and figures get their numbers here, so that all writers agree on them."""
    tables, figures = _count(), _count()
    numbers = {"table": tables, "figure": figures, "traces": figures}
    data = {"format": FORMAT, **asdict(report)}
    for section, out in zip(report.sections, data["sections"], strict=True):
        for block, block_out in zip(section.blocks, out["blocks"], strict=True):
            kind = type(block).__name__.lower()
            block_out["kind"] = kind
            if kind in numbers:
                block_out["number"] = next(numbers[kind])
    return data


def _count() -> Iterator[int]:
    yield from range(1, 10**6)
