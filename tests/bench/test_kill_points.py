"""Killed at every event of a small run and resumed, the results are those of the unbroken run. Slow: make test-slow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.bench.conftest import STUDY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif("FEDRACK_SLOW" not in os.environ, reason="half an hour: make test-slow"),
]
RIG = Path(__file__).with_name("kill_at.py")
EVERY = int(os.environ.get("FEDRACK_KILL_STEP", "1"))  # 1: every event
MARGIN = 10  # by which the number of events varies between runs
# What does not depend on the machine's mood: one thread, equal seeds.
EXACT = ["cell_id", "board", "method", "outcome", "rounds_done", "peak_tensor_bytes", "parameters_sha256", "accuracy"]


def run(folder: Path, stop_at: int, *more: str) -> int:
    text = STUDY.format(methods="fedavg, split", model="cnn", dataset="digits", rounds=1, batches="1", budget_mb="null")
    (folder / "study.yaml").write_text(text)
    arguments = ["bench", "--study", folder / "study.yaml", "--devices", "nano-01", "--results", folder / "results"]
    done = subprocess.run(
        [sys.executable, RIG, str(stop_at), folder / "count", *arguments, *more], capture_output=True, text=True
    )
    assert done.returncode in (0, -9), done.stdout + done.stderr
    return done.returncode


def results(folder: Path) -> pd.DataFrame:
    (path,) = (folder / "results" / "quick").iterdir()
    return pd.read_parquet(path / "cells.parquet")[EXACT].sort_values("cell_id").reset_index(drop=True)


def finished(folder: Path) -> dict[str, str]:
    """Cell -> when it was begun, of the finished ones."""
    verdicts = [json.loads(path.read_text()) for path in folder.glob("results/quick/*/cells/*/cell.json")]
    return {verdict["cell_id"]: verdict["started_utc"] for verdict in verdicts}


def test_every_kill_point(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    assert run(whole, 0) == 0
    events, unbroken = int((whole / "count").read_text()), results(whole)
    assert events > 30 and (unbroken["outcome"] == "completed").all()
    for stop_at in range(1, events + 1, EVERY):
        folder = tmp_path / str(stop_at)
        folder.mkdir()
        if run(folder, stop_at) == 0:  # how often a board tells of itself varies by a few: this run had fewer events
            assert stop_at > events - MARGIN
            break
        before = finished(folder)
        begun = list(folder.glob("results/quick/*"))
        more = ["--resume", begun[0].name] if begun else []
        assert run(folder, 0, *more) == 0, f"event {stop_at} of {events}"
        pd.testing.assert_frame_equal(results(folder), unbroken, obj=f"event {stop_at} of {events}")
        kept = finished(folder)
        assert all(kept[cell] == start for cell, start in before.items()), f"event {stop_at}: a cell was repeated"
