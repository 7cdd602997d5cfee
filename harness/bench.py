"""A whole run: boards prepared, cells one after the other, frames, manifest. What is finished is kept, always."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.attendance import Attendance
from harness.board.board import Board
from harness.datasets import DataFiles, find
from harness.frame.build import build_frames
from harness.inventory import BoardSpec
from harness.lab.enter import enter_lab
from harness.launch import run_cell
from harness.manifest import cell_facts, controller_facts
from harness.outcome import MEASURED
from harness.payload import Payload, code_payload, data_payload
from harness.preflight import check_cells, same_plan, to_do
from harness.progress import Progress
from harness.rack import Rack
from harness.schedule import TRIES, failures, ordered
from harness.states import FOLDER, States
from harness.store import MANIFEST, RunFolder, now_utc, read_json
from harness.study import Cell, Study
from harness.tls import write_identity
from harness.virtual.embedded import EmbeddedRack

LONGEST_RUN = timedelta(days=30)  # its certificate is worthless afterwards


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run, and where. `command` is how a user would ask for it again."""

    study: Study
    report: str
    boards: tuple[BoardSpec, ...]
    spares: tuple[BoardSpec, ...]  # that may stand in for one of them
    inventory: str
    devices: str
    folder: RunFolder
    results: Path  # the folder of all runs; what outlives a run lies in it
    command: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        return self.study.cells(tuple(board.name for board in self.boards))


@dataclass(frozen=True, kw_only=True)
class Finished:
    folder: RunFolder
    unmeasured: tuple[str, ...]  # boards without a result in some cell, for no reason of the method's
    not_restored: tuple[str, ...]  # boards that still have settings of the run


class _Data:
    """The data sets of a study, found once, and their payloads."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.files: dict[str, DataFiles] = {name: find(name) for name in sorted({cell.dataset for cell in cells})}
        self.payloads: dict[str, Payload] = {
            name: data_payload(name, files.files) for name, files in self.files.items() if files.files
        }


def bench(plan: Plan, console: Console) -> Finished:
    """Run every cell that is not finished yet. Interrupted, it keeps what is finished and raises on."""
    data = _Data(plan.cells)
    check_cells(f"study {plan.study.name!r}", plan.cells, plan.boards, data.files)
    code = code_payload(cell.method for cell in plan.cells)
    same_plan(plan.folder, plan.cells, plan.boards)
    classes = {board.name: board.board_class for board in plan.boards}
    started_utc, states = now_utc(), States(plan.results / FOLDER)
    payloads = [code, *data.payloads.values()]
    with (
        Progress(console, classes, len(plan.cells)) as progress,
        waking(plan.boards, plan.results / ".virtual", plan.spares) as rack,
        Attendance(rack, states, plan.folder.run_id, payloads, progress) as attendance,
    ):
        try:
            attendance.begin()
            for cell in ordered(plan.cells, plan.folder.run_id):
                if to_do(plan.folder, cell, [board.client for board in rack.usable]):
                    _run(cell, plan, rack, attendance, code, data, progress)
                else:
                    progress.cell_skipped(cell)
            state = "finished"
        except BaseException:
            state = "interrupted"
            raise
        finally:
            rack.restore()  # before the manifest, which says where that failed
            progress.boards_restored(rack.everybody.values())
            _write_up(plan, rack, code, started_utc, state)
    not_restored = tuple(name for name, board in rack.everybody.items() if board.not_restored)
    return Finished(folder=plan.folder, unmeasured=_unmeasured(plan), not_restored=not_restored)


def _run(
    cell: Cell, plan: Plan, rack: Rack, attendance: Attendance, code: Payload, data: _Data, progress: Progress
) -> None:
    """A cell to its verdict, again while boards that failed it come back or have a twin, `TRIES` times at most."""
    for attempt in range(1, TRIES + 1):
        progress.cell_begins(cell)
        files, payload = data.files[cell.dataset], data.payloads.get(cell.dataset)
        verdict = run_cell(cell, rack, plan.folder, code, files, payload, progress.show)
        progress.cell_ends(cell, verdict)
        failed = failures(verdict)
        plan.folder.note_try(cell.cell_id, attempt, failed)
        back = attendance.after_try(failed)
        if attempt == TRIES or not back:
            return
        progress.say(f"{cell.label}: tried again, {', '.join(failed)} failed it", style="yellow")


def _unmeasured(plan: Plan) -> tuple[str, ...]:
    outcomes = [(name, board["outcome"]) for v in plan.folder.verdicts() for name, board in v["boards"].items()]
    return tuple(sorted({name for name, outcome in outcomes if outcome not in MEASURED}))


@contextmanager
def waking(boards: Sequence[BoardSpec], state_folder: Path, spares: Sequence[BoardSpec] = ()) -> Iterator[Rack]:
    """The boards; those that are folders and processes are brought to life first, below `state_folder`."""
    every = [*boards, *spares]
    enter_lab(every)
    with tempfile.TemporaryDirectory(prefix="fedrack-") as secrets, EmbeddedRack(every, state_folder) as virtual:
        identity = Path(secrets) / "identity.pem"
        write_identity(identity, LONGEST_RUN)
        with Rack(virtual.resolve(boards), identity, virtual.resolve(spares)) as rack:
            yield rack


def _write_up(plan: Plan, rack: Rack, code: Payload, started_utc: str, state: str) -> None:
    build_frames(plan.folder)
    verdicts = {verdict["cell_id"]: verdict for verdict in plan.folder.verdicts()}
    plan.folder.write_manifest(
        {
            "state": state,
            "report": plan.report,
            "title": plan.study.title,
            "run_id": plan.folder.run_id,
            "started_utc": _first_start(plan, started_utc),
            "finished_utc": now_utc(),
            "command": plan.command,
            "devices": plan.devices,
            "inventory": plan.inventory,
            "controller": controller_facts(),
            "code": code.folder,  # named after the digest of what was deployed
            "boards": {name: _board(board) for name, board in rack.everybody.items()},
            "stand_ins": list(_stand_ins(verdicts.values())),
            "cells": [cell_facts(cell, verdicts.get(cell.cell_id)) for cell in plan.cells],
        }
    )


def _first_start(plan: Plan, started_utc: str) -> str:
    """A resumed run began when it first began."""
    manifest = plan.folder.path / MANIFEST
    return str(read_json(manifest)["started_utc"]) if manifest.is_file() else started_utc


def _board(board: Board) -> dict[str, Any]:
    return {
        "board_class": board.spec.board_class,
        "virtual": board.spec.virtual,
        "where": board.spec.where,
        "budget_bytes": board.spec.memory_budget_bytes,
        "state": board.failure.outcome if board.failure else "ready",
        "detail": board.failure.message if board.failure else "",
        "copied_bytes": board.copied_bytes,
        "put_back": list(board.put_back),
        "not_restored": board.not_restored,
        "facts": board.facts,
    }


def _stand_ins(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Cells that a board ran in the place of another; of an earlier part of a resumed run as well."""
    for verdict in verdicts:
        for name, board in verdict["boards"].items():
            if board.get("in_place_of"):
                yield {"cell_id": verdict["cell_id"], "board": name, **board["in_place_of"]}
