"""A made-up run folder. Every number in it is an invention of the tests and no measurement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.frame.schema import FRAMES
from harness.units import MIB
from reports.build import Built, build_report, report_of
from reports.data import Report
from reports.read import read_run

Row = dict[str, Any]
Make = Callable[..., Path]

FLOOR = 218 * MIB
STAGES = {"freeze": {"block1": 0.45, "block2": 0.29, "block3": 0.23, "block4": 0.43}, "split": {"split": 0.05}}
SHARES = {
    "fedavg": 1.0,
    "freeze": 0.45,
    "split": 0.05,
    "recompute": 0.6,
    "fedhybrid": 0.4,
    "exclusivefl": 1.0,
    "fedprox": 1.1,
}  # of fedavg's tensor peak
SECONDS = {
    "fedavg": 4.0,
    "freeze": 2.0,
    "split": 3.0,
    "recompute": 4.6,
    "fedhybrid": 5.0,
    "exclusivefl": 3.0,
    "fedprox": 4.0,
}
GROUPS: dict[str, Row] = {
    "accuracy": {"model": "cnn", "dataset": "digits", "tensor": 40, "budget": 768},
    "memory": {"model": "resnet18", "dataset": "synthetic-cifar", "tensor": 260, "budget": 768},
    "budget": {"model": "resnet18", "dataset": "synthetic-cifar", "tensor": 260, "budget": 420},
}
METHODS = ("fedavg", "freeze", "split", "recompute")
NANO = {"board_class": "jetson-nano", "virtual": "embedded"}


def cell_id(group: str, method: str, repeat: int) -> str:
    return hashlib.sha256(f"{group}{method}{repeat}".encode()).hexdigest()[:12]


def cell_row(board: str, spec: Mapping[str, Any], group: str, method: str, repeat: int = 0) -> Row:
    """One row of cells.parquet; the budget group lets the hungry methods run out of memory."""
    facts = GROUPS[group]
    tensor = int(facts["tensor"] * SHARES[method] * MIB)
    process = FLOOR + int(tensor * 1.1)
    row: Row = {
        "cell_id": cell_id(group, method, repeat),
        "board": board,
        "group": group,
        "method": method,
        "model": facts["model"],
        "dataset": facts["dataset"],
        "batch": 32,
        "rounds": 4,
        "seed": 1,
        "threads": 1,
        "allocator": "fixed",
        "repeat": repeat,
        **spec,
        "outcome": "completed",
        "rounds_done": 4,
        "budget_bytes": facts["budget"] * MIB,
        "budget_kind": "rlimit",
        "floor_bytes": FLOOR,
        "analytic_bytes": int(facts["tensor"] * MIB),
        "peak_tensor_bytes": tensor,
        "peak_process_bytes": process,
        "round_s": SECONDS[method],
        "download_s": 0.2,
        "compute_s": SECONDS[method] - 0.5,
        "upload_s": 0.3,
        "download_bytes": 44 * MIB,
        "upload_bytes": 44 * MIB,
        "accuracy": 0.95 if group == "accuracy" else None,
        "torch_version": "2.2.0",
        "late_ticks": 1,
        "parameters_sha256": hashlib.sha256(b"frozen" if method == "freeze" else b"same").hexdigest(),
    }
    if method == "split":
        row |= {"exchange_s": 1.5, "compute_s": 1.0, "exchange_bytes": 80 * MIB}
    if process > row["budget_bytes"]:
        row |= {"outcome": "out_of_memory", "outcome_detail": f"{method} asked for more than the budget in round 1"}
        row |= dict.fromkeys(("rounds_done", "peak_tensor_bytes", "peak_process_bytes", "round_s", "compute_s"))
        row |= {"parameters_sha256": None}
    return row


def round_rows(cell: Row) -> Iterator[Row]:
    """The rounds of a cell; the staged method spends one on each stage."""
    if cell["outcome"] != "completed":
        return
    stages = STAGES.get(cell["method"], {"all": SHARES[cell["method"]]})
    names = list(stages)
    for index in range(4):
        stage = names[min(index, len(names) - 1)]
        tensor = int(GROUPS[cell["group"]]["tensor"] * stages[stage] * MIB)
        yield {
            "cell_id": cell["cell_id"],
            "board": cell["board"],
            "round": index + 1,
            "stage": stage,
            "round_s": cell["round_s"],
            "peak_tensor_bytes": tensor,
            "peak_process_bytes": FLOOR + int(tensor * 1.1),
            "accuracy": cell["accuracy"] and 0.5 + 0.15 * index - (0.04 if cell["method"] == "freeze" else 0.0),
        }


def energy_row(cell: Row) -> Row:
    return {
        "cell_id": cell["cell_id"], "board": cell["board"], "source": "jetson_power/total", "scope": "module",
        "rails": "VDD_IN", "whole": True, "window": "rounds", "duration_s": 16.0, "energy_j": 120.0,
        "uncertainty_j": 6.5, "net_j": 90.0, "net_uncertainty_j": None, "mean_power_w": 7.5, "samples": 160,
        "warnings": "idle power was not measured after the run",
    }  # fmt: skip


def circumstance_rows(cell: Row) -> Iterator[Row]:
    celsius = f"{40.5 + len(cell['method'])}"
    held = {"power_mode": "MAXN", "governor": None, "warmth": "within", "temperature_c": celsius}
    for name, value in held.items():
        yield {"cell_id": cell["cell_id"], "board": cell["board"], "name": name, "value": value}


def sample_rows(cell: Row) -> Iterator[Row]:
    for tick in range(20):
        facts = {"t_s": float(tick), "cpu_agent_s": 0.01 * tick, "rss_bytes": FLOOR + (tick % 7) * 10 * MIB}
        yield {"cell_id": cell["cell_id"], "board": cell["board"], **facts}


def as_frame(name: str, rows: list[Row]) -> pd.DataFrame:
    dtypes = {column.name: column.dtype for column in FRAMES[name]}
    return pd.DataFrame(rows, columns=list(dtypes)).astype(dtypes)


def manifest_of(cells: list[Row], boards: Mapping[str, Mapping[str, Any]]) -> Row:
    described = {
        name: {
            **spec,
            "where": "user@127.0.0.1:22",
            "budget_bytes": 768 * MIB,
            "state": "ready",
            "detail": "",
            "facts": {
                "python": "3.11.7",
                "machine": "x86_64",
                "system": "Linux 6.1",
                "cpu_count": 2,
                "mem_total_bytes": 4096 * MIB,
            },
        }
        for name, spec in boards.items()
    }
    named = {row["cell_id"]: row for row in cells}
    return {
        "format": 1,
        "state": "finished",
        "report": "quick",
        "title": "Which method fits which board",
        "run_id": "20261121-104500-ab12",
        "started_utc": "2026-11-21T10:45:00Z",
        "finished_utc": "2026-11-21T10:52:00Z",
        "command": "make bench DEVICES=jetson-nano",
        "devices": "jetson-nano",
        "inventory": "inventories/virtual.yaml",
        "controller": {"fedrack": "0.1.0", "python": "3.11.7", "machine": "x86_64", "system": "Linux", "cpu_count": 2},
        "boards": described,
        "cells": [
            {
                "cell_id": key,
                "group": row["group"],
                "method": row["method"],
                "model": row["model"],
                "label": f"{row['group']}/{row['method']}",
                "state": "finished",
                "options": {},
            }
            for key, row in named.items()
        ],
        "files": {},
    }


def write_run(
    folder: Path,
    *,
    boards: Mapping[str, Mapping[str, Any]] | None = None,
    methods: tuple[str, ...] = METHODS,
    groups: tuple[str, ...] = tuple(GROUPS),
    repeats: int = 1,
    change: Callable[[list[Row], Row], None] = lambda cells, manifest: None,
) -> Path:
    """Write a run folder; `change(cells, manifest)` edits it first."""
    boards = boards or {"nano-01": NANO}
    cells = [
        cell_row(board, spec, group, method, repeat)
        for group in groups
        for method in methods
        for repeat in range(repeats)
        for board, spec in boards.items()
    ]
    manifest = manifest_of(cells, boards)
    change(cells, manifest)
    frames = {
        "cells": cells,
        "rounds": [row for cell in cells for row in round_rows(cell)],
        "phases": [],
        "sensors": [],
        "energy": [energy_row(cell) for cell in cells if cell["outcome"] == "completed"],
        "circumstances": [row for cell in cells for row in circumstance_rows(cell)],
        "samples": [row for cell in cells for row in sample_rows(cell)],
    }
    for name, rows in frames.items():
        as_frame(name, rows).to_parquet(folder / f"{name}.parquet")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> Make:
    """`make_run(boards=..., methods=..., change=...)` writes a run folder."""
    return partial(write_run, tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The report of a whole run, made once."""
    return build_report(write_run(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="session")
def whole(built: Built) -> Report:
    """The same report as data, made once."""
    return report_of(read_run(built.html.parent))


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint every figure, but skip its layout and rendering, which take most of the time of a report."""

    def sketch(_: str, paint: Callable[[], object]) -> str:
        paint()
        return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1" width="4" height="1"></svg>'

    monkeypatch.setattr("reports.quick.figures.draw", sketch)
    for module in ("traces", "study.accuracy", "study.pace", "study.stages"):
        monkeypatch.setattr(f"reports.{module}.draw", sketch)
