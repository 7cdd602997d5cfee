"""A whole run with simulated clients instead of boards: cells one after the other, frames, manifest.

The run folder has the shape of a bench's, so that frames, reports and exports are the same; every client stands where a
board does and is called simulated. A cell whose very specification another run has finished can be taken over.
"""

from __future__ import annotations

import json
import queue
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.core_process import CoreProcess, Event
from harness.datasets import DataFiles, find
from harness.errors import BadInput, Problem
from harness.frame.build import build_frames
from harness.frame.simulated import LEVEL
from harness.launch import job_of
from harness.manifest import cell_facts, controller_facts
from harness.payload import code_payload
from harness.simulate.fleet import MB, draw_clients
from harness.simulate.full import full_bytes
from harness.store import FORMAT, RunFolder, now_utc, write_json
from harness.study import Cell, Fleet, Study

PROGRAM = "fl_core.pooled"
JOB, SPEEDS = "job.json", "speeds.json"
PEAK_BATCHES = 2  # of a rehearsal: from the second one on momentum is there

Say = Callable[[Cell, Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to simulate, and where. Each cell has its fleet; `command` is how a user would ask for it again."""

    study: Study
    cells: tuple[Cell, ...]
    report: str
    folder: RunFolder
    command: str
    arguments: tuple[str, ...] = ()  # for the program that trains: actors, a Ray cluster
    reuse: RunFolder | None = None  # a run whose finished cells are taken over where they are the same


def run_simulation(plan: Plan, say: Say) -> None:
    """Run what is not finished and write the run up, also where it is interrupted."""
    started_utc, code = now_utc(), code_payload().folder
    if plan.reuse is not None:
        _check_code(plan.reuse, code)
    data = {name: find(name) for name in {cell.dataset for cell in plan.cells}}
    jobs = _jobs(plan.cells, data)
    state = "interrupted"
    try:
        for cell in plan.cells:
            if not _is_there(plan, cell):
                _run_cell(plan, cell, jobs[cell.cell_id], data[cell.dataset])
            say(cell, plan.folder.verdict(cell.cell_id))
        state = "finished"
    finally:
        _write_up(plan, started_utc, state, code)


def _jobs(cells: tuple[Cell, ...], data: Mapping[str, DataFiles]) -> dict[str, dict[str, Any]]:
    """Cell id -> the FL core's job, with its clients drawn. Budgets in units of full training need the ledger."""
    scaled = [cell for cell in cells if cell.fleet is not None and cell.fleet.full_mb is not None]
    sizes = full_bytes([{**job_of(cell, {}), "clients": ["any"]} for cell in scaled], data) if scaled else []
    known = {cell.cell_id: size for cell, size in zip(scaled, sizes, strict=True)}
    return {cell.cell_id: job(cell, known.get(cell.cell_id)) for cell in cells}


def job(cell: Cell, full: int | None) -> dict[str, Any]:
    """`full`: bytes that training the cell's whole model takes, where its fleet counts budgets by that."""
    fleet = cell.fleet or Fleet()
    mb_bytes = full / fleet.full_mb if full is not None and fleet.full_mb is not None else MB
    facts = draw_clients(fleet.clients, sorted(fleet.speeds or ()), fleet.memory_mb, cell.seed, mb_bytes)
    return {
        **job_of(cell, {}),
        "clients": list(facts),
        "client_facts": facts,
        "cohort": fleet.cohort,
        "train_samples": fleet.samples and fleet.samples * fleet.clients,
        "test_samples": fleet.test_samples,
        "rehearse_batches": PEAK_BATCHES if fleet.peaks else 0,
    }


def _is_there(plan: Plan, cell: Cell) -> bool:
    """Whether the cell need not be run: finished before, or taken over from the run that `reuse` names."""
    if plan.folder.finished(cell.cell_id):
        return True
    if plan.reuse is not None and plan.reuse.finished(cell.cell_id):
        shutil.copytree(plan.reuse.cell(cell.cell_id), plan.folder.cell(cell.cell_id), dirs_exist_ok=True)
    return plan.folder.finished(cell.cell_id)


def _check_code(reuse: RunFolder, code: str) -> None:
    found = reuse.read_manifest().get("code")
    if found != code:
        what = f"it was simulated by other code ({found}) than this ({code})"
        raise BadInput(f"run {reuse.run_id}", [Problem(path="code", what=what, remedy="leave out --reuse")])


def _run_cell(plan: Plan, cell: Cell, job: dict[str, Any], data: DataFiles) -> None:
    """The cell to its verdict: what its simulation said lies beside it."""
    started_utc, path = now_utc(), plan.folder.cell(cell.cell_id)
    write_json(path / JOB, job)
    arguments = ["--job", str(path / JOB), "--data", str(data.folder), *plan.arguments]
    if cell.fleet is not None and cell.fleet.speeds:
        write_json(path / SPEEDS, cell.fleet.speeds)
        arguments += ["--speeds", str(path / SPEEDS)]
    last = _simulate(arguments, path)
    content = _verdict(cell, job, last, started_utc)
    write_json(plan.folder.verdict_file(cell.cell_id), content)


def _simulate(arguments: list[str], path: Path) -> Event:
    """Run the program to its end, with every event in server.jsonl; returns the last one."""
    said: queue.Queue[Event] = queue.Queue()
    program = CoreProcess(PROGRAM, arguments, path / "server.log", said.put)
    try:
        with (path / "server.jsonl").open("w") as file:
            for event in _until_end(said):
                file.write(json.dumps(event) + "\n")
    finally:
        program.kill()
    return event


def _until_end(said: queue.Queue[Event]) -> Iterator[Event]:
    while True:
        event = said.get()
        yield event
        if event["event"] in ("done", "failed", "ended"):
            return


def _verdict(cell: Cell, job: Mapping[str, Any], last: Event, started_utc: str) -> dict[str, Any]:
    """cell.json, as a bench writes it, with a client in each board's place."""
    done = last["event"] == "done"
    reason = "" if done else last.get("reason") or f"the simulation ended with exit code {last.get('returncode')}"
    return {
        "format": FORMAT,
        "cell_id": cell.cell_id,
        "cell": asdict(cell),
        "started_utc": started_utc,
        "finished_utc": now_utc(),
        "state": "finished" if done else "failed",
        "reason": reason,
        "parameters_sha256": last.get("parameters_sha256"),
        "boards": {
            client: {
                "outcome": "completed" if done else "not_started",
                "detail": reason,
                "signature": None,
                "budget_bytes": facts.get("memory_budget_bytes"),
                "board_class": facts.get("board_class"),
                "virtual": LEVEL,
            }
            for client, facts in job["client_facts"].items()
        },
    }


def _write_up(plan: Plan, started_utc: str, state: str, code: str) -> None:
    build_frames(plan.folder)
    verdicts = {verdict["cell_id"]: verdict for verdict in plan.folder.verdicts()}
    plan.folder.write_manifest(
        {
            "state": state,
            "report": plan.report,
            "title": plan.study.title,
            "run_id": plan.folder.run_id,
            "started_utc": started_utc,
            "finished_utc": now_utc(),
            "command": plan.command,
            "controller": controller_facts(),
            "code": code,
            "simulated": True,
            "boards": {},
            "cells": [_described(cell, verdicts.get(cell.cell_id)) for cell in plan.cells],
        }
    )


def _described(cell: Cell, verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    fleet = asdict(cell.fleet or Fleet())
    return {**cell_facts(cell, verdict), "partition": cell.partition, "fleet": fleet}
