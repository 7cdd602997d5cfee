"""Killed at an event of a small run and resumed: the results are those of the unbroken run.

Every event: make test-slow.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pytest

from tests.bench.conftest import STUDY

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


def sweep(folder: Path, points: Callable[[int], Iterable[int]]) -> None:
    """Kill at each of `points(number of events)`, resume, and compare with the unbroken run."""
    whole = folder / "whole"
    whole.mkdir()
    assert run(whole, 0) == 0
    events, unbroken = int((whole / "count").read_text()), results(whole)
    assert events > 30 and (unbroken["outcome"] == "completed").all()
    for stop_at in points(events):
        if not resumes_as_if_unbroken(folder / str(stop_at), stop_at, unbroken):
            assert stop_at > events - MARGIN  # how often a board tells of itself varies: this run had fewer events
            break


def resumes_as_if_unbroken(folder: Path, stop_at: int, unbroken: pd.DataFrame) -> bool:
    """False where the run ended before that event."""
    folder.mkdir()
    if run(folder, stop_at) == 0:
        return False
    before = finished(folder)
    begun = list(folder.glob("results/quick/*"))
    assert run(folder, 0, *(["--resume", begun[0].name] if begun else [])) == 0, f"event {stop_at}"
    pd.testing.assert_frame_equal(results(folder), unbroken, obj=f"event {stop_at}")
    kept = finished(folder)
    assert all(kept[cell] == start for cell, start in before.items()), f"event {stop_at}: a cell was repeated"
    return True


def test_a_kill_point_in_the_second_cell(tmp_path: Path) -> None:
    """The cross-section for every day; one cell is finished and must not be repeated."""
    sweep(tmp_path, lambda events: [events * 3 // 5])
    assert len(finished(tmp_path / "whole")) == 2


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.skipif("FEDRACK_SLOW" not in os.environ, reason="half an hour: make test-slow")
def test_every_kill_point(tmp_path: Path) -> None:
    sweep(tmp_path, lambda events: range(1, events + 1, EVERY))
