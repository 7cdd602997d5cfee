"""Under what circumstances the numbers of a run hold: boards, versions, settings, the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from harness.circumstances import FIGURES
from reports.data import Column, Entry, Section, Table
from reports.read import Run
from reports.tables import count, listed, outcome, quantity, size, word


def circumstances(run: Run, cells: pd.DataFrame) -> Section:
    """The run, its boards, and how well the agents kept time."""
    tables = (_run(run, cells), _boards(run, cells), _facts(run, cells), _held(run, cells), _observer(run, cells))
    return Section(slug="circumstances", title="Circumstances", blocks=tables)


def _run(run: Run, cells: pd.DataFrame) -> Table:
    manifest, controller = run.manifest, run.manifest.get("controller") or {}
    made = ("fedrack", "python", "machine", "system", "cpu_count")
    rows: dict[str, Any] = {
        "run": manifest.get("run_id"),
        "state": manifest.get("state"),
        "started (UTC)": manifest.get("started_utc"),
        "finished (UTC)": manifest.get("finished_utc"),
        "command": manifest.get("command"),
        "devices": manifest.get("devices"),
        "inventory": manifest.get("inventory"),
        "controller": ", ".join(f"{name} {controller[name]}" for name in made if controller.get(name)),
        **{name: _every(cells, name) for name in ("allocator", "threads", "seed", "torch_version", "repeat")},
        "cells": len(manifest.get("cells") or []),
        "files with a digest in the manifest": len(manifest.get("files") or {}),
    }
    return Table(
        caption="The run",
        columns=(Column("what"), Column("value", "prose")),
        rows=tuple((word(name.replace("_", " ")), word(value)) for name, value in rows.items()),
    )


def _boards(run: Run, cells: pd.DataFrame) -> Table:
    return Table(
        caption="Boards",
        columns=(
            Column("board"),
            Column("class"),
            Column("virtual level"),
            Column("address", "prose"),
            Column("budget, MiB", "number"),
            Column("enforced by"),
            Column("floor, MiB", "number"),
            Column("state", "chip"),
        ),
        rows=tuple(_board(name, run.boards.get(name) or {}, cells) for name in _names(run, cells)),
        note="Virtual level: a dash is real hardware. Budget: of the inventory; a group of the study may set its own. "
        "Floor: resident bytes of the worker after its imports, median over cells.",
    )


def _board(name: str, board: Mapping[str, Any], cells: pd.DataFrame) -> tuple[Entry, ...]:
    own = cells[cells["board"] == name]
    state = board.get("state")
    return (
        word(name),
        word(board.get("board_class") or _every(own, "board_class")),
        word(board.get("virtual") or _every(own, "virtual")),
        word(board.get("where")),
        size(board.get("budget_bytes")),
        word(_every(own, "budget_kind")),
        size(own["floor_bytes"].median()),
        Entry("ready", "ready", "good") if state == "ready" else outcome(state),
    )


def _facts(run: Run, cells: pd.DataFrame) -> Table:
    names = ("python", "machine", "system", "cpu_count", "mem_total_bytes")
    rows = []
    for name in _names(run, cells):
        facts = (run.boards.get(name) or {}).get("facts") or {}
        torch = _every(cells[cells["board"] == name], "torch_version")
        rows.append((word(name), *(_fact(fact, facts.get(fact)) for fact in names), word(torch)))
    columns = (
        Column("board"),
        Column("python"),
        Column("machine"),
        Column("system", "prose"),
        Column("CPUs", "number"),
        Column("memory, MiB", "number"),
        Column("torch"),
    )
    return Table(caption="Facts of the boards", columns=columns, rows=tuple(rows))


def _held(run: Run, cells: pd.DataFrame) -> Table:
    """What held around the cells; cells in which it differed were not averaged."""
    rows = []
    for name in _names(run, cells):
        own = run.circumstances[run.circumstances["board"] == name]
        for what, found in own.groupby("name", sort=False):
            values = list(found["value"].dropna().unique())
            some_lack_it = bool(found["value"].isna().any())
            if values:
                differs = len(values) + some_lack_it > 1 and what not in FIGURES
                text = _span(values) if what in FIGURES else " / ".join([*values, *(["none"] if some_lack_it else [])])
                label = str(what).replace("_", " ")
                rows.append((word(name), word(label), word(text, "warn" if differs else "")))
    objections = cells[["board", "objections"]].dropna().drop_duplicates()
    rows += [(word(row["board"]), word("objection"), word(row["objections"], "warn")) for _, row in
             objections.iterrows()]  # fmt: skip
    return Table(
        caption="What held around the cells",
        columns=(Column("board"), Column("circumstance"), Column("value", "prose")),
        rows=tuple(rows),
        note="Read before and after each cell. A slash separates values that differed between cells: those cells are "
        "shown side by side and never averaged, temperatures apart. What a board does not have is left out.",
    )


def _span(figures: list[str]) -> str:
    """Figures that are never the same twice, as the least and the most of them."""
    known = sorted({float(figure) for figure in figures})
    return f"{known[0]:g}" if len(known) == 1 else f"{known[0]:g} to {known[-1]:g}"


def _observer(run: Run, cells: pd.DataFrame) -> Table:
    """The observer is measured too: samples, late and missed ones, its CPU time, its clock, and what failed."""
    rows = []
    samples = run.samples["board"].value_counts()
    agents = run.samples.groupby(["board", "cell_id"])["cpu_agent_s"].max().groupby("board").sum(min_count=1)
    for name in _names(run, cells):
        cell = cells[cells["board"] == name]
        late, missed = (cell[column].sum(min_count=1) for column in ("late_ticks", "missed_ticks"))
        faults = listed(sorted(set(cell["faults"].dropna()))) if cell["faults"].notna().any() else None
        rows.append(
            (
                word(name),
                count(samples.get(name)),
                count(late),
                count(missed),
                quantity(agents.get(name), mark=_mark(cells, name)),
                quantity(cell["clock_uncertainty_s"].max() * 1e3, 2),
                quantity(cell["clock_drift_ppm"].abs().max(), 1),
                word(faults, "warn"),
            )
        )
    columns = (
        Column("board"),
        Column("samples", "number"),
        Column("late", "number"),
        Column("missed", "number"),
        Column("CPU time of the agent, s", "number"),
        Column("clock ±, ms", "number"),
        Column("drift at most, ppm", "number"),
        Column("faults", "prose"),
    )
    return Table(caption="The observer", columns=columns, rows=tuple(rows))


def _mark(cells: pd.DataFrame, name: str) -> str:
    return " (virtual)" if cells[cells["board"] == name]["virtual"].notna().any() else ""


def _fact(name: str, value: Any) -> Entry:
    if name == "mem_total_bytes":
        return size(value)
    return count(value) if name == "cpu_count" else word(value)


def _names(run: Run, cells: pd.DataFrame) -> list[str]:
    """Boards of the manifest, then those that only the frames know."""
    return list(dict.fromkeys([*run.boards, *cells["board"].dropna()]))


def _every(rows: pd.DataFrame, column: str) -> str:
    """All values that occur: a setting that differed within the run shows as several."""
    found: Iterable[Any] = rows[column].dropna().unique()
    names = [str(value) for value in found]
    return listed(names) if names else ""
