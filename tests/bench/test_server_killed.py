"""The FL server of a running cell is killed: it comes back, board and edge server join again, and nothing is lost."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pandas as pd
import pytest

from tests.bench.conftest import Command

Wait = Callable[[Callable[[], bool], float], None]
EXACT = ["method", "outcome", "rounds_done", "peak_tensor_bytes", "parameters_sha256", "accuracy"]


def rounds_told(command: Command) -> int:
    return sum(text.count(b'"round_s"') for text in (p.read_bytes() for p in command.folder.rglob("events.jsonl")))


@pytest.mark.parametrize("method", ["fedavg", "split"])
def test_a_killed_server_goes_on_after_its_last_round(method: str, command: Command, wait_until: Wait) -> None:
    study = command.study(method, rounds=30, batches="8")
    process = command.start(study)
    wait_until(lambda: rounds_told(command) >= 2, 60)
    (server,) = command.processes("fl_core.server")
    server.send_signal(signal.SIGKILL)
    output = process.communicate(timeout=110)[0]
    assert process.returncode == 0, output
    assert command.run(study)[0] == 0
    killed, unbroken = (pd.read_parquet(run / "cells.parquet")[EXACT] for run in command.runs)
    pd.testing.assert_frame_equal(killed, unbroken)
    told = (next(command.runs[0].glob("cells/*")) / "server.jsonl").read_text()
    assert '"resumed"' in told and len(pd.read_parquet(command.runs[0] / "rounds.parquet")) == 30
