"""What a run measures beside the worker: a sidecar on the board, a meter beside it, rest around the cell."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from harness.clock import EXCHANGES, now_s
from tests.bench.conftest import Command
from tests.meters.conftest import Plug, says

DRIVER = Path(__file__).resolve().parents[1] / "sidecars" / "nvml.c"
BOARD = """
all:
  vars: {{board_class: edge-x86, virtual: embedded}}
  hosts:
    edge-01:
      sidecars: [nvml, jtop]
      meters: ["shelly2://{plug}?id=0"]
      idle_s: 2
      sample_rate_hz: 20
"""
pytestmark = [
    pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc to build the stand-in library with"),
    pytest.mark.skipif(importlib.util.find_spec("pynvml") is None, reason="no pynvml: pip install nvidia-ml-py"),
]


@pytest.fixture
def plug() -> Iterator[Plug]:
    made = Plug()
    made.answers = [says({"apower": 7.5, "voltage": 230.0, "current": 0.03, "aenergy": {"total": 1.0}})]
    yield made
    made.close()


def test_sidecar_meter_and_rest_reach_the_frames(command: Command, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    library = command.folder / "driver"
    library.mkdir()
    subprocess.run(["gcc", "-shared", "-fPIC", "-DFULL", "-o", library / "libnvidia-ml.so.1", DRIVER], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    command.inventory = command.folder / "inventory.yaml"
    command.inventory.write_text(BOARD.format(plug=plug.host))
    code, output = command.run(command.study(rounds=3, batches="20"), "edge-01")
    assert code == 0, output
    (run,) = command.runs

    energy = pd.read_parquet(run / "energy.parquet").set_index(["source", "window"])
    wall = energy.loc[("meter0/wall", "rounds")]
    assert wall.mean_power_w == pytest.approx(7.5)
    assert "fewer than two samples" in wall.warnings, "a plug at 1 Hz cannot speak for a tenth of a second"
    assert pd.isna(wall.net_j) and "before the run has" in wall.warnings, "nor for 2 s of rest"
    gpu = energy.loc[("nvml/gpu0", "rounds")]
    assert gpu.idle_power_w > 0 and not gpu.whole

    sensors = pd.read_parquet(run / "sensors.parquet")
    assert set(sensors.source) >= {"nvml", "meter0"}
    assert sensors.controller_s.notna().all() and sensors[sensors.source == "meter0"].t_s.isna().all()
    (cell,) = pd.read_parquet(run / "cells.parquet").to_dict("records")
    assert pd.isna(cell["energy_j"]), "several boards of this machine would claim the same joules"
    assert 0 < cell["clock_uncertainty_s"] < 0.05 and abs(cell["clock_offset_s"] - (time.monotonic() - now_s())) < 0.05

    readings = json.loads(next(run.glob("cells/*/cell.json")).read_text())["boards"]["edge-01"]["clock"]
    moments = [reading["controller_s"] for reading in readings]
    assert moments == sorted(set(moments)) and readings[0]["exchanges"] == readings[-1]["exchanges"] == EXCHANGES

    held = pd.read_parquet(run / "circumstances.parquet").set_index("name").value
    assert held["sampling"] == "20 Hz, jtop absent, nvml" and held["torch"].split()[0] == cell["torch_version"]
    phases = pd.read_parquet(run / "phases.parquet")
    spans = phases.end_controller_s - phases.start_controller_s
    assert ((spans - (phases.end_s - phases.start_s)).abs() < 1e-3).all()
    exit_facts = json.loads(next(run.glob("cells/*/raw/edge-01/exit.json")).read_text())
    assert list(exit_facts["sidecars_absent"]) == ["jtop"]
    assert "meter0/wall" in (run / "report.html").read_text()
