"""Killed at every step of its rounds and started again, the FL server ends with the parameters of the unbroken run.

Slow: make test-slow.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fl_core.job import Job
from fl_core.simulate import simulate
from tests.fl_core.test_programs import END_S, Programs, event

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(7200),
    pytest.mark.skipif("FEDRACK_SLOW" not in os.environ, reason="a quarter of an hour: make test-slow"),
]
RIG = Path(__file__).with_name("server_killed_at.py")
EVERY = int(os.environ.get("FEDRACK_KILL_STEP", "1"))  # 1: every step


class Rig(Programs):
    """Programs whose server ends at a step of ours."""

    def killed_server(self, stop_at: int) -> subprocess.Popen[str]:
        files = ["--job", str(self.folder / "job.json"), "--data", self.data]
        files += ["--checkpoint", str(self.folder / "checkpoint"), "--tls", str(self.folder / "run.pem")]
        command = [sys.executable, str(RIG), str(stop_at), str(self.folder / "count"), *files]
        pipe = subprocess.PIPE
        server = subprocess.Popen([*command, "--listen", self.address], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self.started.append(server)
        self.address = event(server, "listening")["address"]
        return server

    def close(self) -> None:
        for program in self.started:
            program.kill()
            program.communicate()


def run(job: Job, data: str, folder: Path, stop_at: int) -> tuple[int, str]:
    """How the rigged server ended, and the parameters of the run."""
    folder.mkdir()
    rig = Rig(job, data, folder)
    try:
        server = rig.killed_server(stop_at)
        workers = [rig.worker(name) for name in job.clients]
        code = server.wait(END_S)
        last = rig.server() if code == -signal.SIGKILL else server
        digest = event(last, "done", "failed").get("parameters_sha256", "")
        assert [worker.wait(END_S) for worker in workers] == [0] * len(workers)
        return code, digest
    finally:
        rig.close()


def test_every_step(make_job: Callable[..., Job], digits_folder: str, tmp_path: Path) -> None:
    job = make_job("freeze", rounds=3, clients=["a", "b"], batches_per_round=2, rejoin_timeout_s=30.0)
    unbroken = simulate(job, digits_folder).facts["parameters_sha256"]
    assert run(job, digits_folder, tmp_path / "whole", 0) == (0, unbroken)
    steps = int((tmp_path / "whole" / "count").read_text())
    assert steps > 30
    for stop_at in range(3, steps + 1, EVERY):  # before them it has not said where it listens
        code, digest = run(job, digits_folder, tmp_path / str(stop_at), stop_at)
        assert digest == unbroken, f"step {stop_at} of {steps}, ended with {code}"
