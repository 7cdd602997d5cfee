"""The real service of jetson-stats on Jetsons of a lab, asked by the agent's sidecar in a real cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.conftest import ROOT, LiveLab, environment
from tests.sidecars.conftest import Trace
from tests.sidecars.test_jtop_real import pythons

__all__ = ["pythons"]

PLAN = """
all:
  vars: {virtual: namespace, image: virtual, memory_budget_mb: 512, idle_s: 0, cool_down_s: 0}
  hosts: {nano: {board_class: jetson-nano}, orin: {board_class: jetson-orin-nx}}
"""
RAIL_OF = {"nano": "POM_5V_IN", "orin": "VDD_IN"}


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("FEDRACK_SLOW"), reason="slow: set FEDRACK_SLOW=1")
@pytest.mark.timeout(300)
def test_jtop_is_a_second_witness_on_every_jetson(cut_off: LiveLab, pythons: dict[str, Path]) -> None:
    (cut_off.folder / "plan.yaml").write_text(PLAN)
    files = ("--plan", str(cut_off.folder / "plan.yaml"), "--inventory", str(cut_off.inventory))
    code, said = cut_off.cli("up", "--name", cut_off.name, *files, "--jtop", str(pythons["7.2.2"]))
    assert code == 0, said
    results = cut_off.folder / "results"
    words = [str(Path(__file__).with_name("rehearse.py")), str(cut_off.inventory), str(results), "round", "{}", "120"]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment(), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert {board["outcome"] for board in json.loads(done.stdout)["boards"].values()} == {"completed"}
    for name, rail in RAIL_OF.items():
        (trace,) = results.glob(f"**/raw/{name}/jtop.jsonl")
        told = Trace(trace)
        assert told.faults() == []
        assert (told.about()["version"], told.about()["total"]) == ("7.2.2", [rail])
        assert told.merged()["jtop/total/power_w"] > 0.5
    cut_off.down()
    assert cut_off.traces() == []
