"""A study with simulated clients, from what its FL server said to the report: numbers whose answers are known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from harness.frame.build import build_frames
from harness.store import RunFolder, write_json
from harness.study import Cell, Fleet
from reports.data import Report, Table
from reports.read import read_run
from reports.registry import find
from reports.study.accuracy import gaps
from reports.study.facts import Facts, facts_of
from reports.study.participation import by_quarter
from reports.study.speed import sooner, speeds
from reports.study.stages import AVERAGE, PEAK, savings

MIB = 2**20
CLIENTS = [f"client{index}" for index in range(8)]  # memory grows with the index
CURVES = {  # accuracy after each round, how long the slowest report took, and who reported
    "fedavg": ([0.3, 0.5, 0.7, 0.9], 4.0, CLIENTS),
    "exclusivefl": ([0.2, 0.4, 0.3, 0.5], 4.0, CLIENTS[7:]),
    "smartfreeze": ([0.1, 0.5, 0.4, 0.8], 2.0, CLIENTS[4:]),
}
SEEDS = {1: 0.0, 2: 0.02, 3: 0.04}  # by how much the seed's accuracies are better
FULL, STAGES = 100 * MIB, {"block1": 60 * MIB, "block2": 20 * MIB}


def cell(group: str, method: str, seed: int, **options: Any) -> Cell:
    return Cell(
        group=group, method=method, options=options, model="cnn", dataset="digits", partition={"kind": "iid"}, batch=32,
        rounds=4, batches_per_round=None, local_epochs=1, learning_rate=0.1, momentum=0.9, weight_decay=0.0, seed=seed,
        threads=1, budget_bytes=None, allocator="fixed", timeout_s=60.0, repeat=1, boards=(), fleet=Fleet(clients=8),
    )  # fmt: skip


def told(stage: str, seconds: float) -> dict[str, Any]:
    parts = {"wait": 0.5, "download": 0.25, "compute": seconds - 1.0, "upload": 0.25}
    return {"stage": stage, "samples": 100, "train_loss": 1.0, "seconds": parts,
            "bytes": {"download": 2000, "upload": 1000}}  # fmt: skip


def rounds(method: str, better: float) -> list[dict[str, Any]]:
    accuracies, slowest_s, who = CURVES[method]
    return [
        {
            "event": "round",
            "round": index,
            "accuracy": accuracy + better,
            "clients": {name: told("all", slowest_s - 0.1 * place) for place, name in enumerate(who)},
            "notes": {"perturbation": 0.9 / index, "ended": [["block1", 2, "converged"]] if index == 3 else []}
            if method == "smartfreeze"
            else {},
        }
        for index, accuracy in enumerate(accuracies, start=1)
    ]


def memory_events(stages: dict[str, int]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for index, (stage, size) in enumerate(stages.items(), start=1):
        events.append({"event": "reckoned", "stage": stage, "analytic_bytes": size + MIB})
        events.append({"event": "rehearsal", "stage": stage, "peak_tensor_bytes": size})
        events.append({"event": "round", "round": index, "accuracy": None, "clients": {CLIENTS[0]: told(stage, 1.0)}})
    return events


def write_cell(folder: RunFolder, asked: Cell, events: list[dict[str, Any]], reason: str = "") -> None:
    path = folder.cell(asked.cell_id)
    path.mkdir(parents=True)
    (path / "server.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    outcome = "not_started" if reason else "completed"
    boards = {
        name: {"outcome": outcome, "detail": reason, "budget_bytes": (index + 1) * MIB, "board_class": "fast",
               "virtual": "simulated"}
        for index, name in enumerate(CLIENTS)
    }  # fmt: skip
    write_json(
        folder.verdict_file(asked.cell_id),
        {"cell_id": asked.cell_id, "cell": asdict(asked), "started_utc": asked.cell_id, "boards": boards},
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = RunFolder(path=tmp_path_factory.mktemp("run"))
    cells = []
    for method in CURVES:
        for seed, better in SEEDS.items():
            cells.append(cell("dirichlet", method, seed))
            write_cell(folder, cells[-1], rounds(method, better))
    for seed, better in SEEDS.items():
        cells.append(cell("random selection", "smartfreeze", seed, selection="random"))
        write_cell(folder, cells[-1], rounds("smartfreeze", better - 0.1))
    cells.append(cell("iid", "allsmall", 1))
    write_cell(folder, cells[-1], [], reason="the weakest board has 1.0 MiB; the narrowest cnn needs 2.0 MiB")
    for method, stages in (("fedavg", {"all": FULL}), ("smartfreeze", STAGES)):
        cells.append(cell("memory", method, 1))
        write_cell(folder, cells[-1], memory_events(stages))
    build_frames(folder)
    described = [{"cell_id": c.cell_id, "group": c.group, "method": c.method, "options": c.options} for c in cells]
    folder.write_manifest({"state": "finished", "report": "smartfreeze", "boards": {}, "cells": described})
    return folder.path


@pytest.fixture(scope="module")
def facts(run: Path) -> Facts:
    return facts_of(read_run(run), "smartfreeze")


def table(report: Report, caption: str) -> dict[str, dict[str, Any]]:
    blocks = [block for section in report.sections for block in section.blocks]
    [found] = [block for block in blocks if isinstance(block, Table) and block.caption == caption]
    return {row[0].text: {c.name: e for c, e in zip(found.columns, row, strict=True)} for row in found.rows}


def test_time_runs_to_the_highest_accuracy_that_both_reach(facts: Facts) -> None:
    """exclusivefl ends at 0.5 after 16 s; smartfreeze is there after two rounds of 2 s."""
    found = sooner(facts, "dirichlet", "smartfreeze", "exclusivefl")
    assert found is not None and (found.value, found.low, found.high) == (4.0, 4.0, 4.0)
    [(target, ratio), *_] = speeds(facts, "dirichlet", "smartfreeze", "fedavg")
    assert (target, ratio) == (
        pytest.approx(0.8),
        16 / 8,
    )  # smartfreeze's own end, which fedavg passes after four rounds


def test_gaps_are_those_of_the_best_accuracies_seed_by_seed(facts: Facts) -> None:
    assert gaps(facts, "dirichlet") == pytest.approx([0.3] * 3)
    assert gaps(facts, "iid") == []


def test_quarters_of_the_memory_show_whose_reports_were_used(facts: Facts) -> None:
    found = by_quarter(facts, "dirichlet", "smartfreeze")
    assert found["part"].tolist() == [0.0, 0.0, 1.0, 1.0] and found["reports"].tolist() == [0.0, 0.0, 0.5, 0.5]
    assert by_quarter(facts, "dirichlet", "exclusivefl")["part"].tolist() == [0.0, 0.0, 0.0, 0.5]


def test_savings_are_the_average_and_the_largest_stage_against_full_training(facts: Facts) -> None:
    case = "smartfreeze, batch 32, "
    assert savings(facts, AVERAGE)[case + "tensor peak"].value == pytest.approx(-60.0)
    assert savings(facts, PEAK)[case + "tensor peak"].value == pytest.approx(-40.0)
    assert savings(facts, PEAK)[case + "ledger"].value == pytest.approx(100 * (61 / 101 - 1))


def test_the_report_sets_them_beside_the_claims_and_says_what_did_not_run(run: Path) -> None:
    report = find("smartfreeze").build(read_run(run))
    claims = table(report, "Published beside measured")
    assert claims["SmartFreeze: training speed"]["verdict"].text == "better"
    assert claims["SmartFreeze: average memory"]["verdict"].text == "differs"
    assert claims["SmartFreeze: accuracy gain"]["verdict"].text == "differs"
    assert table(report, "smartfreeze without one of its parts, dirichlet")["random selection"][
        "against the whole"
    ].text.startswith("−10.0 points")
    ended = list(table(report, "Stages that ended").values())
    assert ended[0]["after round"].value == 2 and ended[0]["which ended, and why"].text == "block1: converged"
    missed = table(report, "What did not complete")
    assert list(missed) == ["all clients"] and "narrowest cnn" in missed["all clients"]["what happened"].text
    assert {finding.label for finding in report.findings} == {"Memory", "Accuracy", "Time"}


@pytest.mark.usefixtures("sketches")
def test_a_report_whose_method_did_not_run_still_shows_the_others(run: Path) -> None:
    report = find("profl").build(read_run(run))
    assert "smartfreeze" in table(report, "Accuracy, dirichlet")
    assert {finding.label for finding in report.findings} == {"Memory"}
