"""Raw files -> frames: schema, medians, and what nobody measured stays missing."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.frame.build import _step_rate_hz, build_frames
from harness.frame.schema import FRAMES
from harness.load import load_study
from harness.store import RunFolder, write_json


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def worker_round(number: int, stage: str, compute_s: float, peak: int | None) -> dict[str, Any]:
    seconds = {"download": 0.5, "compute": compute_s, "upload": 0.25, "wait": 9.0}
    sizes = {"download": 100, "upload": 50}
    facts = {"round_s": compute_s + 0.75, "seconds": seconds, "bytes": sizes, "samples": 10, "train_loss": 1.5}
    return {"event": "round", "t_s": 5.0 * number, "round": number, "stage": stage, "peak_process_bytes": peak, **facts}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder.new(tmp_path, "quick")
    cell = load_study(Path("reports/quick/study.yaml")).cells(("real", "off"))[3]
    raw = folder.cell(cell.cell_id) / "raw" / "real"
    closed = {"phase": "import", "start_s": 1.0, "end_s": 3.0, "peak_process_bytes": 7}
    events = [
        {"event": "start", "floor_bytes": 200, "torch": "2.13.0"},
        {"event": "phase", "enter": "setup", "closed": closed, "round": None, "stage": None},
        {"event": "rehearsal", "stage": "block1", "peak_tensor_bytes": 900},
        worker_round(1, "block1", 1.0, 500),
        worker_round(2, "block1", 3.0, 700),
        {"event": "rehearsal", "stage": "block2", "peak_tensor_bytes": None},
        worker_round(3, "block2", 2.0, None),
    ]
    lines(raw / "events.jsonl", events)
    samples = [{"t_s": 1.0, "late_s": 0.0, "mem_available_bytes": 1000}, {"t_s": 1.1, "mem_available_bytes": 400}]
    lines(raw / "samples.jsonl", [*samples, {"t_s": 1.2, "pss_bytes": 33, "mem_available_bytes": 600}])
    write_json(raw / "exit.json", {"cgroup_peak_bytes": None, "late_ticks": 2})
    server = [{"event": "round", "round": n, "accuracy": a, "test_loss": 1.0} for n, a in ((1, 0.5), (3, 0.75))]
    stages = (("block1", 950), ("block2", 700), ("elsewhere", 9999))
    reckoned = [{"event": "reckoned", "stage": name, "analytic_bytes": size} for name, size in stages]
    lines(folder.cell(cell.cell_id) / "server.jsonl", [*reckoned, *server])
    board = {"board_class": "jetson-nano", "virtual": None, "budget_bytes": 10, "budget_kind": "rlimit"}
    boards = {
        "real": {**board, "outcome": "completed", "detail": ""},
        "off": {**board, "outcome": "unreachable", "detail": "refuses", "budget_kind": None},
    }
    verdict = {"cell_id": cell.cell_id, "cell": asdict(cell), "started_utc": "x", "parameters_sha256": "ab"}
    write_json(folder.verdict_file(cell.cell_id), {**verdict, "boards": boards})
    return folder


def test_frames_follow_the_schema_and_are_written(run: RunFolder) -> None:
    frames = build_frames(run)
    for name, columns in FRAMES.items():
        written = pd.read_parquet(run.path / f"{name}.parquet")
        assert list(frames[name].columns) == list(written.columns) == [column.name for column in columns]
        assert [str(t) for t in frames[name].dtypes] == [column.dtype for column in columns]


def test_a_cell_row_sums_up_its_rounds(run: RunFolder) -> None:
    row = build_frames(run)["cells"].set_index("board").loc["real"]
    assert (row.peak_tensor_bytes, row.peak_process_bytes, row.floor_bytes) == (900, 700, 200)
    assert row.analytic_bytes == 950, "the largest of the stages that this board went through"
    assert (row.compute_s, row.round_s, row.download_bytes, row.rounds_done) == (2.0, 2.75, 100, 3)
    assert (row.accuracy, row.late_ticks, row.peak_pss_bytes, row.peak_board_bytes) == (0.75, 2, 33, 600)
    missing = ["exchange_s", "exchange_bytes", "peak_cgroup_bytes", "energy_j", "virtual", "outcome_detail"]
    assert row[missing].isna().all()


def test_a_board_that_never_ran_has_a_row_and_no_numbers(run: RunFolder) -> None:
    row = build_frames(run)["cells"].set_index("board").loc["off"]
    assert (row.outcome, row.outcome_detail, row.budget_bytes) == ("unreachable", "refuses", 10)
    assert row[["peak_process_bytes", "peak_tensor_bytes", "rounds_done", "round_s", "floor_bytes"]].isna().all()


def test_rounds_take_the_tensor_peak_of_their_stage(run: RunFolder) -> None:
    rounds = build_frames(run)["rounds"]
    assert rounds.peak_tensor_bytes.fillna(-1).tolist() == [900, 900, -1]
    assert rounds.accuracy.fillna(-1).tolist() == [0.5, -1, 0.75]
    assert rounds.exchange_s.isna().all()


def test_a_step_of_a_split_lasts_through_its_exchange() -> None:
    cell = {"batch": 10, "local_epochs": 1, "batches_per_round": None}
    rounds = [{"samples": 100, "compute_s": 2.0, "exchange_s": 3.0}, {"samples": 100, "compute_s": 2.0,
              "exchange_s": None}, {"samples": 100, "compute_s": 4.0, "exchange_s": 1.0}]  # fmt: skip
    assert _step_rate_hz(cell, rounds) == pytest.approx(2.0)


def test_an_empty_run_has_empty_frames(tmp_path: Path) -> None:
    folder = RunFolder.new(tmp_path, "quick")
    folder.path.mkdir(parents=True)
    assert all(len(frame) == 0 for frame in build_frames(folder).values())


def test_power_rails_become_rows_and_the_energy_of_the_measured_rounds(run: RunFolder) -> None:
    (raw,) = run.path.glob("cells/*/raw/real")
    about = {"jetson_power": {"scope": "module", "total": ["VDD_IN"]}}
    watts = [{"t_s": i / 10, "sensors": {"jetson_power/total/power_w": 5.0, "temperature/cpu/temperature_c": 40.0}}
             for i in range(200)]  # fmt: skip
    lines(raw / "samples.jsonl", [{"sensors_about": about}, *watts])
    rounds = [worker_round(n, "all", 3.25, 500) | {"t_s": 4.0 + 4.0 * n} for n in (1, 2)]  # from 4 s to 12 s
    lines(raw / "events.jsonl", rounds)
    frames = build_frames(run)
    row = frames["cells"].set_index("board").loc["real"]
    assert row.energy_j == pytest.approx(5.0 * 8.0, rel=1e-6) and row.energy_scope == "module (VDD_IN)"
    assert row.energy_uncertainty_j == pytest.approx(2.0, rel=0.05)  # 5 % of 40 J, by the vendor
    sensors = frames["sensors"]
    assert len(sensors) == 400 and set(sensors.quantity) == {"power_w", "temperature_c"}
    assert frames["cells"].set_index("board").loc["off"][["energy_j", "energy_scope"]].isna().all()


def test_a_board_made_of_this_machine_has_no_energy_of_its_own(run: RunFolder) -> None:
    (verdict,) = run.path.glob("cells/*/cell.json")
    facts = json.loads(verdict.read_text())
    facts["boards"]["real"]["virtual"] = "embedded"
    write_json(verdict, facts)
    (raw,) = run.path.glob("cells/*/raw/real")
    about = {"rapl": {"scope": "package", "total": ["package-0"]}}
    joules = [{"t_s": float(i), "sensors": {"rapl/total/energy_j": 5.0 * i}} for i in range(30)]
    lines(raw / "samples.jsonl", [{"sensors_about": about}, *joules])
    frames = build_frames(run)
    assert frames["energy"].energy_j.notna().all() and len(frames["energy"])
    assert frames["cells"].set_index("board").loc["real"][["energy_j", "energy_covered_share"]].isna().all()
