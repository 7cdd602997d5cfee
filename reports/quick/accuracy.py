"""Accuracy of the global model over the rounds, on real data."""

from __future__ import annotations

import pandas as pd

from reports.compare import completed, workload
from reports.data import Block, Column, Entry, Figure, Paragraph, Section, Table
from reports.quick import figures
from reports.quick.facts import Facts
from reports.tables import count, listed, share, word

GROUP = "accuracy"


def curves(facts: Facts) -> pd.DataFrame:
    """Accuracy per cell and round: the global model is one, whatever the number of boards that trained it."""
    cells = completed(facts.cells)
    cells = cells[cells["group"] == GROUP].drop_duplicates("cell_id")
    rounds = facts.run.rounds[["cell_id", "round", "accuracy"]].dropna().drop_duplicates(["cell_id", "round"])
    names = ["cell_id", "label", "method", "model", "dataset", "batch", "seed", "repeat"]
    return cells[names].merge(rounds, on="cell_id", how="inner").sort_values("round", kind="stable")


def finals(facts: Facts) -> pd.DataFrame:
    """The last curve point of each cell, in the order of the cells."""
    every = curves(facts)
    order = {cell: place for place, cell in enumerate(facts.cells["cell_id"])}
    last = every.drop_duplicates("cell_id", keep="last")
    return last.sort_values("cell_id", key=lambda cells: cells.map(order), kind="stable")


def section(facts: Facts) -> Section:
    """The curves and where they end."""
    last = finals(facts)
    if last.empty:
        missing = f"No cell of group {GROUP!r} completed with a test accuracy: nothing can be said about accuracy."
        return _section(Paragraph(missing, "warn"))
    return _section(_figure(facts, last), _table(last))


def _section(*blocks: Block) -> Section:
    return Section(slug="accuracy", title="Accuracy", blocks=blocks)


def _figure(facts: Facts, last: pd.DataFrame) -> Figure:
    every = curves(facts)
    order = list(last["cell_id"])
    every = every.sort_values("cell_id", key=lambda cells: cells.map(order.index), kind="stable")
    ends = [f"{label} {value * 100:.1f} %" for label, value in zip(last["label"], last["accuracy"], strict=True)]
    return Figure(
        name="accuracy",
        caption=f"Accuracy of the global model over rounds, {workload(last)}. {_identical(every)}".strip(),
        alt=f"Accuracy curves that end at {listed(ends)}.",
        svg=figures.accuracy("accuracy", every, facts.colours),
    )


def _identical(every: pd.DataFrame) -> str:
    """Name the curves that lie exactly on an earlier one: they would look missing."""
    seen: dict[tuple[float, ...], str] = {}
    sentences = []
    for (label, _), own in every.groupby(["label", "cell_id"], sort=False):
        first = seen.setdefault(tuple(own["accuracy"].astype(float)), str(label))
        if first != label:
            sentences.append(f"{label} lies exactly on {first}.")
    return " ".join(sentences)


def _table(last: pd.DataFrame) -> Table:
    return Table(
        caption=f"Accuracy after the last round, {workload(last)}",
        columns=(
            Column("method"),
            Column("seed", "number"),
            Column("repeat", "number"),
            Column("rounds", "number"),
            Column("accuracy", "number"),
        ),
        rows=tuple(_row(row) for _, row in last.iterrows()),
    )


def _row(row: pd.Series) -> tuple[Entry, ...]:
    return (word(row["label"]), count(row["seed"]), count(row["repeat"]), count(row["round"]), share(row["accuracy"]))
