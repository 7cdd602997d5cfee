"""`fedrack simulate`: a study's cells with many clients on this machine or a Ray cluster, without boards."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli.paths import REPORT, RESULTS
from harness.cli.report import build_and_name
from harness.frame.server_side import server_side
from harness.load import load_study
from harness.simulate.fit import measured_speeds
from harness.simulation import Plan, run_simulation
from harness.store import RunFolder, read_json, read_lines
from harness.study import Cell, Fleet
from reports.registry import find


@click.command()
@REPORT
@RESULTS
@click.option(
    "--scale",
    type=click.Choice(("small", "paper")),
    default="small",
    show_default=True,
    help="Which study of the report: one for a CPU, or the papers' size for a GPU.",
)
@click.option("--study", type=click.Path(path_type=Path), help="Cells to run instead of the report's own.")
@click.option("--group", help="Only the cells of this group.")
@click.option("--clients", type=click.IntRange(min=1), help="Instead of the study's number (100 where it has none).")
@click.option("--cohort", type=int, help="Clients a round; all without it, if the study says nothing either.")
@click.option("--processes", default=0, show_default=True, help="Processes that train on this machine; 0: one for all.")
@click.option("--actors", default=0, help="Processes that train, through Ray instead.")
@click.option("--ray", "address", help="Address of a Ray cluster, instead of a Ray of our own on this machine.")
@click.option("--memory-mb", nargs=2, type=float, help="Draw each client's memory budget uniformly from this range.")
@click.option("--measured", metavar="RUN_ID", help="A run of this report: its boards' speeds make virtual time.")
@click.option("--speeds", type=click.Path(path_type=Path, exists=True), help="JSON of such speeds instead.")
@click.option(
    "--reuse", type=click.Path(path_type=Path, exists=True), help="Run folder: its equal cells are taken over."
)
@click.option("--resume", metavar="RUN_ID", help="Go on with a run that was cut off; its finished cells are kept.")
def simulate(
    report: str, results: Path, scale: str, study: Path | None, group: str | None, clients: int | None,
    cohort: int | None, processes: int, actors: int, address: str | None, memory_mb: tuple[float, float] | None,
    measured: str | None, speeds: Path | None, reuse: Path | None, resume: str | None,
) -> None:  # fmt: skip
    """Run a study's cells with simulated clients and draw the report. Seconds in it are virtual."""
    console = Console()
    known = measured_speeds(RunFolder.find(results, report, measured)) if measured else speeds and read_json(speeds)
    asked = {"clients": clients, "cohort": cohort, "memory_mb": memory_mb or None, "speeds": known}
    loaded = load_study(study or find(report).simulated(scale))
    cells = [_with_fleet(cell, asked) for cell in loaded.cells(()) if group in (None, cell.group)]
    trainers = ("--actors", str(actors)) if actors else ("--processes", str(processes))
    folder = RunFolder.find(results, report, resume) if resume else RunFolder.new(results, report)
    plan = Plan(
        study=loaded,
        cells=tuple(cells),
        report=report,
        folder=folder,
        command=shlex.join(sys.argv),
        arguments=(*trainers, *(("--ray", address) if address else ())),
        reuse=RunFolder(path=reuse) if reuse else None,
    )
    run_simulation(plan, lambda cell, verdict: console.print(_line(folder, cell, verdict), highlight=False))
    build_and_name(console, folder)


def _with_fleet(cell: Cell, asked: Mapping[str, Any]) -> Cell:
    """The cell with the study's fleet, or the usual one, and what the command line says of it."""
    given = {name: value for name, value in asked.items() if value is not None}
    return replace(cell, fleet=replace(cell.fleet or Fleet(), **given))


def _line(folder: RunFolder, cell: Cell, verdict: Mapping[str, Any]) -> str:
    rounds = list(server_side(read_lines(folder.cell(cell.cell_id) / "server.jsonl")).rounds.values())
    if verdict["state"] != "finished" or not rounds:
        return f"{cell.label}, seed {cell.seed}: {verdict['reason'] or 'no round'}"
    accuracy = next((f"{event['accuracy']:.1%}" for event in reversed(rounds) if event["accuracy"] is not None), "-")
    virtual = [event["virtual_s"] for event in rounds if "virtual_s" in event]
    time = f", {sum(virtual):.0f} s of virtual time" if virtual else ""
    took_s = sum(event["round_s"] for event in rounds)
    return f"{cell.label}, seed {cell.seed}: {len(rounds)} rounds in {took_s:.1f} s{time}, accuracy {accuracy}"
