"""Provisioning an arm64 board from this machine, with the real torch: copied, installed without network, proved, once.

Minutes: pip and torch run in emulation. Wheels of about 140 MB come from the package index, and stay in the user's
cache.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.emulated.conftest import SLOW
from tests.lab.conftest import ROOT, LiveLab, environment

pytestmark = [pytest.mark.slow, SLOW, pytest.mark.timeout(1200)]


def on_controller(words: Sequence[str]) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=environment(), text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def provision(rack: LiveLab, results: Path, board: str) -> str:
    words = ["provision", "--inventory", str(rack.inventory), "--devices", board, "--results", str(results)]
    return on_controller(["-c", "from harness.cli import main; main()", *words])


def test_the_real_torch_is_installed_and_a_second_pass_is_empty(arm64_rack: LiveLab, tmp_path: Path) -> None:
    said = provision(arm64_rack, tmp_path, "pi4-arm64")
    assert "pi4-arm64: provisioned with raspberry-pi-os" in said and "a product of matrices" in said
    torch = "import torch; print(torch.__version__.split('+')[0], torch.version.cuda)"
    assert arm64_rack.ssh("pi4-arm64", f'.fedrack/env/current/bin/python -c "{torch}"').split() == ["2.9.1", "None"]
    packages = arm64_rack.ssh("pi4-arm64", "ls .fedrack/env/current/lib/python3.11/site-packages")
    assert "nvidia" not in packages
    assert "pi4-arm64: as it should be" in provision(arm64_rack, tmp_path, "pi4-arm64")


def test_a_wheel_that_the_cpu_cannot_run_is_named(arm64_rack: LiveLab) -> None:
    """Built with LSE atomics, which a Cortex-A72 has not."""
    script = str(Path(__file__).with_name("wrong_wheel.py"))
    said = json.loads(on_controller([script, str(arm64_rack.inventory), "pi4-arm64"]))
    assert "torch 2.10.0 ends with an illegal instruction on CPUs without LSE atomics" in "".join(said["refused"])
    assert "this wheel does not run on this CPU: torch ended with an illegal instruction" in said["failed"]
