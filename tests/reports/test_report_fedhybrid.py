"""The report on FedHybrid: ways at budgets beside plain training, the newest simulated study, claims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.units import MIB
from reports.build import report_of
from reports.data import Entry, Report, Table
from reports.read import read_run

Make = Callable[..., Path]
Row = dict[str, Any]
OPTIONS = {"fedavg": {}, "recompute": {"share": 0.6}, "fedhybrid": {"share": 0.4, "rule": "greedy"}}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, sketches: None) -> None:
    for module in ("budget", "simulated"):
        monkeypatch.setattr(f"reports.fedhybrid.{module}.draw", lambda name, paint: str(paint()) and "<svg></svg>")


def change(cells: list[Row], manifest: Row) -> None:
    manifest["report"] = "fedhybrid"
    for cell in manifest["cells"]:
        cell["options"] = OPTIONS[cell["method"]]
    for cell in cells:
        cell.update(group="budget", budget_bytes=None)
    failed = {**cells[-1], "cell_id": "f" * 12, "outcome": "crashed", "outcome_detail": "no plan fits 100.0 MiB"}
    cells.append(failed | dict.fromkeys(("peak_tensor_bytes", "peak_process_bytes", "round_s", "compute_s")))
    manifest["cells"].append({**manifest["cells"][-1], "cell_id": "f" * 12, "options": {"share": 0.1}})


def study(cells: list[Row], manifest: Row) -> None:
    """Two simulated clients of which the first never took part."""
    manifest["report"] = "fedhybrid"
    for cell in cells:
        cell.update(virtual="simulated", budget_bytes=MIB if cell["board"] == "client0" else 2 * MIB)
        cell.update(rounds_done=0 if cell["board"] == "client0" else 4)


def table(report: Report, caption: str) -> list[dict[str, Entry]]:
    blocks = [block for section in report.sections for block in section.blocks]
    (found,) = [block for block in blocks if isinstance(block, Table) and caption in block.caption]
    return [{c.name: entry for c, entry in zip(found.columns, row, strict=True)} for row in found.rows]


def test_each_way_stands_beside_plain_training(make_run: Make) -> None:
    report = report_of(read_run(make_run(methods=tuple(OPTIONS), groups=("memory",), change=change)))
    keep, recompute, greedy, failed = table(report, "Budgets asked")
    assert keep["tensor peak, of plain's"].text == "100.0\u00a0%"
    assert recompute["way"].text == "recompute" and recompute["budget, of plain's peak"].text == "60.0\u00a0%"
    assert recompute["time, of plain's (virtual)"].value == pytest.approx(4.1 / 3.5)
    assert greedy["tensor peak, of plain's"].value == pytest.approx(0.4)
    assert failed["why not"].text == "no plan fits 100.0 MiB"
    assert "40.0\u00a0% of plain training's tensor peak" in report.findings[0].text


def test_the_study_is_set_beside_the_claims(make_run: Make) -> None:
    clients = {name: {"board_class": "fast", "virtual": "simulated"} for name in ("client0", "client1")}
    methods = ("exclusivefl", "fedhybrid", "fedprox")
    report = report_of(read_run(make_run(boards=clients, methods=methods, groups=("accuracy",), change=study)))
    rows = {row["method"].text: row for row in table(report, "2 clients, budgets 1.0")}
    assert {row["clients that took part"].value for row in rows.values()} == {1}
    assert set(rows) == set(methods)
