"""What can be known before a board is touched: whether every cell can run, and whether a run may be resumed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from harness.datasets import DataFiles
from harness.errors import BadInput, FedRackError, Problem
from harness.inventory import BoardSpec
from harness.launch import job_of
from harness.outcome import MEASURED
from harness.store import RunFolder, read_json, write_json
from harness.study import Cell

PLAN = "plan.json"


def check_cells(source: str, cells: Sequence[Cell], boards: Sequence[BoardSpec], data: Mapping[str, DataFiles]) -> None:
    """Ask the FL core about every job at once. Raises `BadInput` with each cell that cannot run, and why."""
    specs = {board.name: board for board in boards}
    asked = [{"job": job_of(cell, specs), "data": str(data[cell.dataset].folder)} for cell in cells]
    done = subprocess.run(
        [sys.executable, "-m", "fl_core.check"], input=json.dumps(asked), capture_output=True, text=True
    )
    if done.returncode != 0:
        raise FedRackError(f"the FL core does not run here: {done.stderr.strip()[-500:]}", remedy="run: make setup")
    objections = json.loads(done.stdout.splitlines()[-1])
    problems = [
        Problem(path=cell.label, what=text, remedy="")
        for cell, text in zip(cells, objections, strict=True)
        if text is not None
    ]
    if problems:
        raise BadInput(source, problems)


def same_plan(folder: RunFolder, cells: Sequence[Cell], boards: Sequence[BoardSpec]) -> None:
    """Write down what a new run is about; refuse to resume a run that is about something else."""
    plan: dict[str, Any] = {
        "cells": {cell.cell_id: cell.label for cell in cells},
        "boards": {board.name: [board.board_class, board.virtual, board.host] for board in boards},
    }
    path = folder.path / PLAN
    if not path.is_file():
        write_json(path, plan)
        return
    before = read_json(path)
    problems = [
        Problem(path=kind, what=f"the run was begun with {sorted(before[kind])}, not {sorted(plan[kind])}",
                remedy="resume it with the study, inventory and devices that it was begun with")
        for kind in plan if before[kind] != plan[kind]
    ]  # fmt: skip
    if problems:
        raise BadInput(f"run {folder.run_id}", problems)


def to_do(folder: RunFolder, cell: Cell, usable: Sequence[str]) -> bool:
    """Whether a cell must be run: not finished, failed, or without the result of a client that has a board now.

    `usable`: clients whose board, their own or a twin, can be used.
    """
    if not folder.finished(cell.cell_id):
        return True
    boards = folder.verdict(cell.cell_id)["boards"]
    missing = [_client(name, board) for name, board in boards.items() if board["outcome"] not in MEASURED]
    return any(client in usable for client in missing)


def _client(name: str, board: Mapping[str, Any]) -> str:
    """Whose place in the federation the board had: its own, or as a twin another one's."""
    return str(board["in_place_of"]["client"]) if board.get("in_place_of") else name
