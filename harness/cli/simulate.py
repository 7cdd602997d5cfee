"""`fedrack simulate`: a study's cells with many clients on this machine or a Ray cluster, without boards."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli.paths import REPORT, RESULTS, study_file
from harness.core_process import CoreProcess, Event
from harness.datasets import find
from harness.errors import FedRackError
from harness.launch import job_of
from harness.load import load_study
from harness.simulate.fit import measured_speeds
from harness.simulate.fleet import draw_clients
from harness.store import RunFolder, new_run_id, read_json, write_json
from harness.study import Cell

PROGRAM = "fl_core.pooled"


@click.command()
@REPORT
@RESULTS
@click.option("--study", type=click.Path(path_type=Path), help="Cells to run instead of the report's own study.yaml.")
@click.option("--group", help="Only the cells of this group.")
@click.option("--clients", default=100, show_default=True)
@click.option("--cohort", type=int, help="Clients a round; all without it.")
@click.option("--actors", default=0, show_default=True, help="Processes that train, through Ray; 0: one, without Ray.")
@click.option("--ray", "address", help="Address of a Ray cluster, instead of a Ray of our own on this machine.")
@click.option("--memory-mb", nargs=2, type=float, help="Draw each client's memory budget uniformly from this range.")
@click.option("--measured", metavar="RUN_ID", help="A run of this report: its boards' speeds make virtual time.")
@click.option("--speeds", type=click.Path(path_type=Path, exists=True), help="JSON of such speeds instead.")
def simulate(
    report: str, results: Path, study: Path | None, group: str | None, clients: int, cohort: int | None,
    actors: int, address: str | None, memory_mb: tuple[float, float] | None, measured: str | None,
    speeds: Path | None,
) -> None:  # fmt: skip
    """Run a study's cells with simulated clients; events go to results/REPORT/simulated-RUN/<cell>.jsonl."""
    console = Console()
    folder = results / report / f"simulated-{new_run_id()}"
    folder.mkdir(parents=True)
    if measured is not None:
        speeds = folder / "speeds.json"
        write_json(speeds, measured_speeds(RunFolder.find(results, report, measured)))
    classes = sorted(read_json(speeds)) if speeds else []
    asked = ["--actors", str(actors)]
    asked += ["--ray", address] if address else []
    asked += ["--speeds", str(speeds)] if speeds else []
    for cell in load_study(study or study_file(report)).cells(()):
        if group in (None, cell.group):
            facts = draw_clients(clients, classes, memory_mb, cell.seed)
            job = {**job_of(cell), "clients": list(facts), "client_facts": facts, "cohort": cohort}
            console.print(f"{cell.label}: {_last_round(run_job(job, cell, folder, asked))}", highlight=False)
    console.print(f"Events: {folder}", soft_wrap=True, highlight=False)


def run_job(job: dict[str, Any], cell: Cell, folder: Path, asked: list[str]) -> list[Event]:
    """All events of one job, also written to the cell's file. Raises `FedRackError` with the core's reason."""
    path = folder / f"{cell.cell_id}.json"
    write_json(path, job)
    said: queue.Queue[Event] = queue.Queue()
    arguments = ["--job", str(path), "--data", str(find(cell.dataset).folder), *asked]
    program = CoreProcess(PROGRAM, arguments, path.with_suffix(".log"), said.put)
    try:
        with path.with_suffix(".jsonl").open("w") as file:
            events = []
            for event in _until_end(said):
                file.write(json.dumps(event) + "\n")
                events.append(event)
    finally:
        program.kill()
    return events


def _until_end(said: queue.Queue[Event]) -> Iterator[Event]:
    while True:
        event = said.get()
        if event["event"] == "failed":
            raise FedRackError(f"the simulation failed: {event['reason']}")
        if event["event"] == "ended":
            raise FedRackError(f"the simulation ended with exit code {event['returncode']}; see its log")
        yield event
        if event["event"] == "done":
            return


def _last_round(events: list[Event]) -> str:
    rounds = [event for event in events if event["event"] == "round"]
    last = rounds[-1]
    accuracy = "-" if last["accuracy"] is None else f"{last['accuracy']:.1%}"
    virtual = f", {sum(event['virtual_s'] for event in rounds):.0f} s of virtual time" if "virtual_s" in last else ""
    return f"{len(rounds)} rounds in {sum(event['round_s'] for event in rounds):.1f} s{virtual}, accuracy {accuracy}"
