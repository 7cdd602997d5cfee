"""One row per board and group: what fits, which method is the quickest there, and how much of the budget is left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from harness.control import GROUP as CONTROL
from reports.compare import completed, workload
from reports.data import Column, Entry, Finding, Table, Tone
from reports.labels import groups
from reports.tables import MISSING, listed, number, quantity, row_mark, share, size, virtual_mark, word


class Ability(NamedTuple):
    """What one board did with one group of the study."""

    row: Any  # any of its cells: names the board
    group: str
    work: str
    asked: tuple[str, ...]  # methods
    fits: tuple[str, ...]
    quickest: Any  # the cell with the smallest round time; None where nothing completed
    leanest: Any  # the cell with the smallest process peak


def abilities(cells: pd.DataFrame) -> list[Ability]:
    """Board by board, the groups in the study's order."""
    return [
        _ability(group, own)
        for _, board in cells[cells["group"] != CONTROL].groupby("board", sort=False)
        for group, own in groups(board)
    ]


def _ability(group: str, own: pd.DataFrame) -> Ability:
    done = completed(own)
    return Ability(
        row=own.iloc[0],
        group=group,
        work=workload(own),
        asked=tuple(own["label"].unique()),
        fits=tuple(done["label"].unique()),
        quickest=_least(done, "round_s"),
        leanest=_least(done, "gross_bytes"),
    )


def _least(rows: pd.DataFrame, column: str) -> Any:
    known = rows.dropna(subset=[column])
    return None if known.empty else known.sort_values(column, kind="stable").iloc[0]


def table(cells: pd.DataFrame) -> Table:
    """The abilities as a table."""
    mark = virtual_mark(cells)
    columns = (
        Column("board"), Column("class"), Column("work", "prose"), Column("fits", "chip"),
        Column("quickest"), Column(f"round, s{mark}", "number"),
        Column("leanest"), Column("peak, MiB", "number"), Column("budget left", "number"),
    )  # fmt: skip
    return Table(
        caption="Which board can do what",
        columns=columns,
        rows=tuple(_row(cells, each) for each in abilities(cells)),
        note="Quickest and leanest: of the methods that completed. Peak: process gross. Budget left: of the budget, "
        "by the leanest method; a dash where there is no budget.",
    )


def _row(cells: pd.DataFrame, each: Ability) -> tuple[Entry, ...]:
    quick, lean = each.quickest, each.leanest
    time = MISSING if quick is None else quantity(quick["round_s"], 3, mark=row_mark(cells, quick))
    return (
        word(each.row["board"]),
        word(each.row["board_class"]),
        word(f"{each.group}: {each.work}"),
        _fits(each),
        word(None if quick is None else quick["label"]),
        time,
        word(None if lean is None else lean["label"]),
        MISSING if lean is None else size(lean["gross_bytes"]),
        MISSING if lean is None else share(_left(lean)),
    )


def _fits(each: Ability) -> Entry:
    text = f"{len(each.fits)} of {len(each.asked)} methods"
    return Entry(text, text, "good" if each.fits == each.asked else "warn" if each.fits else "bad")


def _left(row: Any) -> float | None:
    budget, peak = number(row["budget_bytes"]), number(row["gross_bytes"])
    return None if not budget or peak is None else 1 - peak / budget


def findings(cells: pd.DataFrame) -> Iterator[Finding]:
    """One sentence per board."""
    every = abilities(cells)
    for board in dict.fromkeys(each.row["board"] for each in every):
        own = [each for each in every if each.row["board"] == board]
        name = f"{board}{'' if pd.isna(own[0].row['virtual']) else ' (virtual)'}"
        whole = [each.group for each in own if each.fits == each.asked]
        parts = [f"everything fits in {listed(whole)}"] if whole else []
        parts += [f"in {each.group} {_ending(each)}" for each in own if each.fits != each.asked]
        tone: Tone = "good" if len(whole) == len(own) else "warn" if any(each.fits for each in own) else "bad"
        yield Finding("Board", f"{name}: {'; '.join(parts)}.", tone)


def _ending(each: Ability) -> str:
    lost = [method for method in each.asked if method not in each.fits]
    return f"{listed(each.fits)} of {len(each.asked)} methods, not {listed(lost)}" if each.fits else "nothing fits"
