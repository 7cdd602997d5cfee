"""The report on FedHybrid: ways at budgets beside plain training, the newest simulated study, claims."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


def write_study(results: Path, name: str, accuracies: dict[str, list[float]]) -> None:
    folder = results / name
    folder.mkdir(parents=True)
    for label, curve in accuracies.items():
        method, selection = label.split("/")
        facts = {"client0": {"memory_budget_bytes": 2**20}, "client1": {"memory_budget_bytes": 2**21}}
        job = {"method": method, "options": {"selection": selection}, "seed": 1, "client_facts": facts}
        (folder / f"{method}{selection}.json").write_text(json.dumps({**job, "model": "cnn", "dataset": "digits"}))
        events = [{"event": "round", "accuracy": value, "virtual_s": 10.0, "reported": ["client1"]} for value in curve]
        (folder / f"{method}{selection}.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))


def table(report: Report, caption: str) -> list[dict[str, Entry]]:
    blocks = [block for section in report.sections for block in section.blocks]
    (found,) = [block for block in blocks if isinstance(block, Table) and caption in block.caption]
    return [{c.name: entry for c, entry in zip(found.columns, row, strict=True)} for row in found.rows]


def built(make_run: Make, tmp_path: Path) -> Report:
    run = tmp_path / "results" / "run"
    run.mkdir(parents=True)
    for file in make_run(methods=tuple(OPTIONS), groups=("memory",), change=change).glob("*.*"):
        file.rename(run / file.name)
    return report_of(read_run(run))


def test_each_way_stands_beside_plain_training(make_run: Make, tmp_path: Path) -> None:
    report = built(make_run, tmp_path)
    keep, recompute, greedy, failed = table(report, "Budgets asked")
    assert keep["tensor peak, of plain's"].text == "100.0\u00a0%"
    assert recompute["way"].text == "recompute" and recompute["budget, of plain's peak"].text == "60.0\u00a0%"
    assert recompute["time, of plain's (virtual)"].value == pytest.approx(4.1 / 3.5)
    assert greedy["tensor peak, of plain's"].value == pytest.approx(0.4)
    assert failed["why not"].text == "no plan fits 100.0 MiB"
    assert "40.0\u00a0% of plain training's tensor peak" in report.findings[0].text
    assert any("No study" in block.text for s in report.sections for block in s.blocks if hasattr(block, "text"))


def test_the_newest_study_is_set_beside_the_claims(make_run: Make, tmp_path: Path) -> None:
    write_study(tmp_path / "results", "simulated-1", {"fedhybrid/ucb": [0.1]})
    curves = {"exclusivefl/random": [0.2, 0.3, 0.5], "fedhybrid/ucb": [0.6, 0.8, 0.9], "fedprox/oort": [0.3, 0.5, 0.4]}
    write_study(tmp_path / "results", "simulated-2", curves)
    report = built(make_run, tmp_path)
    ours = {row["method"].text: row for row in table(report, "2 clients, budgets")}
    assert ours["fedhybrid (selection=ucb)"]["virtual s to the reference's accuracy"].value == 10.0
    assert ours["exclusivefl (selection=random)"]["virtual s to the reference's accuracy"].value == 30.0
    claims = table(report, "beside the small study")
    assert [row["ours"].value for row in claims] == pytest.approx([40, 3, 40, 40, 3, 3])
    assert claims[0]["verdict"].text == "reproduced" and claims[1]["verdict"].text == "not comparable"
