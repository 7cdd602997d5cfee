"""What fits which board: boards with the same results share a row, each method has a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from reports.compare import workload
from reports.data import Column, Entry, Table
from reports.labels import groups
from reports.quick.facts import Facts
from reports.tables import MISSING, budget, listed, outcome, word

MAX_NAMES = 4


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How each method ended on boards that behaved alike."""

    boards: tuple[str, ...]
    virtual: str | None
    group: str
    variant: str
    budget: str
    work: str
    ends: Mapping[str, Entry]  # method -> outcome

    @property
    def names(self) -> str:
        """`nano-01, nano-02 and 3 more (virtual)`."""
        return listed(self.boards, MAX_NAMES) + (" (virtual)" if self.virtual else "")


def fits(cells: pd.DataFrame) -> list[Fit]:
    """One entry per board, group and variant; then boards that agree in everything are put together."""
    found: dict[tuple[object, ...], Fit] = {}
    for group, rows in groups(cells):
        for (board, variant), own in rows.groupby(["board", "variant"], sort=False):
            fit = _fit(str(board), group, str(variant), own)
            alike = (fit.virtual, group, variant, fit.budget, fit.work, tuple(fit.ends.items()))
            boards = found[alike].boards if alike in found else ()
            found[alike] = replace(fit, boards=(*boards, str(board)))
    return list(found.values())


def table(facts: Facts) -> Table:
    """The fits as a matrix."""
    rows = fits(facts.cells)
    methods = list(dict.fromkeys(method for fit in rows for method in fit.ends))
    return Table(
        caption="What fits which board",
        columns=(
            Column("board", "prose"),
            Column("group"),
            Column("budget"),
            *(Column(name, "chip") for name in methods),
        ),
        rows=tuple(
            (word(fit.names), word(_group(fit)), word(fit.budget), *(fit.ends.get(name, MISSING) for name in methods))
            for fit in rows
        ),
        note="Fits: the cell completed all its rounds under the budget. A dash: not run.",
    )


def _fit(board: str, group: str, variant: str, own: pd.DataFrame) -> Fit:
    virtual = own["virtual"].dropna()
    return Fit(
        boards=(board,),
        virtual=str(virtual.iloc[0]) if len(virtual) else None,
        group=group,
        variant=variant,
        budget=listed(dict.fromkeys(budget(value) for value in own["budget_bytes"])),
        work=workload(own),
        ends={str(method): _end(same) for method, same in own.groupby("method", sort=False)},
    )


def _end(same: pd.DataFrame) -> Entry:
    """One chip for all repeats: the first failure names itself unless some repeats completed."""
    done = (same["outcome"] == "completed").fillna(False)
    if done.any():
        return outcome("completed", int(done.sum()), len(same))
    return outcome(same["outcome"].iloc[0])


def _group(fit: Fit) -> str:
    return f"{fit.group} ({fit.variant})" if fit.variant else fit.group
