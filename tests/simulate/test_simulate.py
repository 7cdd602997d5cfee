"""Simulated clients from the command line, and speeds fitted to rounds whose speeds are known."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from fl_core.virtual_time import BoardSpeed
from harness.cli import commands
from harness.simulate.fit import FIELDS, fit_speeds, measured_speeds
from harness.simulate.fleet import draw_clients
from harness.store import RunFolder, write_json

STUDY = """
format: 1
title: many clients
defaults: {seed: 1, threads: 1, learning_rate: 0.05, momentum: 0.9}
cells:
  - {group: small, methods: [fedavg], model: cnn, dataset: digits, batch: 16, rounds: 2}
"""


def test_clients_are_drawn_alike_from_one_seed_within_the_range() -> None:
    clients = draw_clients(250, ["a", "b"], (100.0, 900.0), seed=3)
    assert clients == draw_clients(250, ["a", "b"], (100.0, 900.0), seed=3) != draw_clients(250, ["a", "b"], (1, 2), 3)
    budgets = [facts["memory_budget_bytes"] / 1e6 for facts in clients.values()]
    assert 100 <= min(budgets) < 150 and 850 < max(budgets) <= 900 and 450 < sum(budgets) / 250 < 550
    assert [facts["board_class"] for facts in clients.values()].count("a") == 125
    assert sorted(clients) == list(clients)


def test_speeds_are_found_again_in_rounds_that_they_made() -> None:
    made = {"slow": BoardSpeed(0.02, 1e6, 2e6, 0.3), "fast": BoardSpeed(0.001, 1e7, 1e7, 0.1)}
    rows = []
    for name, speed in made.items():
        for samples, size in ((64, 10**6), (640, 4 * 10**6), (128, 2 * 10**6)):
            phases = speed.seconds(samples, 1.0, size, size // 2)
            seconds = {f"{phase}_s": phases[phase] for phase in ("download", "compute", "upload")}
            rows.append({"board_class": name, "round_s": sum(phases.values()), "exchange_s": None, **seconds,
                         "download_bytes": size, "upload_bytes": size // 2, "trained": samples})  # fmt: skip
    rows.append({"board_class": "never uploaded", "round_s": 1.0, "compute_s": 1.0, "trained": 10})
    frame = pd.DataFrame(rows)
    found = fit_speeds(frame, frame["trained"])
    assert set(found) == set(made) and all(tuple(speed) == FIELDS == BoardSpeed._fields for speed in found.values())
    for name, speed in made.items():
        assert list(found[name].values()) == pytest.approx(list(speed))


def test_speeds_of_a_run_count_the_samples_that_were_trained(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path)
    cell = {"method": "fedavg", "batch": 32, "local_epochs": 2, "batches_per_round": None}
    verdict = {"cell_id": "c", "started_utc": "", "cell": cell, "boards": {"pi": {"board_class": "raspberry-pi-4"}}}
    write_json(folder.verdict_file("c"), verdict)
    row = {"cell_id": "c", "board": "pi", "samples": 100, "round_s": 5.0, "download_s": 1.0, "compute_s": 1.92}
    more = {"exchange_s": None, "upload_s": 2.0, "download_bytes": 10**6, "upload_bytes": 10**6}
    pd.DataFrame([{**row, **more}]).to_parquet(tmp_path / "rounds.parquet")
    found = measured_speeds(folder)["raspberry-pi-4"]
    assert found["sample_s"] == pytest.approx(1.92 / (2 * 3 * 32))  # two epochs of three whole batches
    assert found["latency_s"] == pytest.approx(0.08)


def test_a_study_with_forty_clients_in_virtual_time(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    speed = {"sample_s": 0.01, "down_bytes_per_s": 1e6, "up_bytes_per_s": 1e6, "latency_s": 1.0}
    (tmp_path / "speeds.json").write_text(json.dumps({"board": speed}))
    asked = ["--study", tmp_path / "study.yaml", "--results", tmp_path, "--clients", 40, "--cohort", 5]
    done = CliRunner().invoke(commands, [str(a) for a in ["simulate", *asked, "--speeds", tmp_path / "speeds.json"]])
    assert done.exit_code == 0, done.output
    assert "2 rounds" in done.output and "s of virtual time, accuracy" in done.output
    [file] = tmp_path.glob("quick/*/cells/*/server.jsonl")
    rounds = [json.loads(line) for line in file.read_text().splitlines()][:2]
    assert [len(event["reported"]) for event in rounds] == [5, 5] and rounds[0]["reported"] != rounds[1]["reported"]
    assert all(1.0 < event["virtual_s"] < 3.0 for event in rounds)
    frames = [pd.read_parquet(file.parents[2] / f"{name}.parquet") for name in ("cells", "rounds")]
    assert len(frames[0]) == 40 and set(frames[0]["virtual"]) == {"simulated"} and len(frames[1]) == 10
    assert frames[1].groupby("round")["round_s"].max().tolist() == [event["virtual_s"] for event in rounds]
    again = [str(a) for a in ["simulate", *asked, "--speeds", tmp_path / "speeds.json", "--reuse", file.parents[2]]]
    assert CliRunner().invoke(commands, again).exit_code == 0
    verdicts = [json.loads(path.read_text()) for path in tmp_path.glob("quick/*/cells/*/cell.json")]
    assert len(verdicts) == 2 and verdicts[0] == verdicts[1]  # taken over, not run again: it began at the same second


def test_a_fleet_of_the_study_counts_memory_by_what_full_training_takes(tmp_path: Path) -> None:
    fleet = "fleet: {clients: 6, cohort: 2, samples: 20, test_samples: 30, memory_mb: [40, 1240], full_mb: 840}"
    cells = "  - {group: a, methods: [exclusivefl, allsmall], model: cnn, dataset: digits, batch: 16, rounds: 1}\n"
    (tmp_path / "study.yaml").write_text(f"format: 1\ntitle: few\ndefaults: {{seed: [1], {fleet}}}\ncells:\n{cells}")
    asked = ["simulate", "--study", str(tmp_path / "study.yaml"), "--results", str(tmp_path), "--report", "smartfreeze"]
    done = CliRunner().invoke(commands, asked)
    assert done.exit_code == 0, done.output
    [frame] = [pd.read_parquet(path) for path in tmp_path.glob("smartfreeze/*/cells.parquet")]
    took = frame[frame["method"] == "exclusivefl"].set_index("board")
    able = took["budget_bytes"].astype(int).nlargest(2).index  # of six equal parts of the range two begin at 840
    assert sorted(took.index[took["rounds_done"] > 0]) == sorted(able)
