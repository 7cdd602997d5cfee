"""Server, edge server and workers as the programs that a run starts: killed, cut and resumed, over TLS on loopback."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fl_core.job import Job
from fl_core.simulate import simulate
from harness.tls import write_identity

MakeJob = Callable[..., Job]
END_S = 60.0


class Programs:
    """A run's programs. `server` is started again with the same job, port and checkpoint."""

    def __init__(self, job: Job, data: str, folder: Path) -> None:
        self.data = data
        self.folder = folder
        (folder / "job.json").write_text(json.dumps(job.to_json()))
        write_identity(folder / "run.pem", timedelta(hours=1))
        self.started: list[subprocess.Popen[str]] = []
        self.address = "127.0.0.1:0"

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", f"fl_core.{module}", "--tls", str(self.folder / "run.pem"), *arguments]
        pipe = subprocess.PIPE
        self.started.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        return self.started[-1]

    def server(self) -> subprocess.Popen[str]:
        job, checkpoint = str(self.folder / "job.json"), str(self.folder / "checkpoint")
        files = ["--job", job, "--data", self.data, "--checkpoint", checkpoint]
        server = self.start("server", *files, "--listen", self.address)
        self.address = event(server, "listening")["address"]
        return server

    def worker(self, name: str, server: str = "", rejoin_s: float = 20.0) -> subprocess.Popen[str]:
        files = ["--data", self.data, "--events", str(self.folder / f"{name}.jsonl"), "--rejoin-s", str(rejoin_s)]
        return self.start("worker", "--server", server or self.address, "--client", name, *files)


def event(program: subprocess.Popen[str], *kinds: str) -> dict[str, Any]:
    """The next of these events. Fails where the program ends without."""
    assert program.stdout is not None and program.stderr is not None
    for line in program.stdout:
        said: dict[str, Any] = json.loads(line)
        if said["event"] in kinds:
            return said
    raise AssertionError(f"no {kinds}: {program.stderr.read()}")


@pytest.fixture
def programs(tmp_path: Path, digits_folder: str) -> Iterator[Callable[[Job], Programs]]:
    made: list[Programs] = []

    def make(job: Job) -> Programs:
        made.append(Programs(job, digits_folder, tmp_path))
        return made[-1]

    yield make
    for program in [program for each in made for program in each.started]:
        program.kill()
        program.communicate()


@pytest.mark.parametrize("method", ["freeze", "split"])
def test_a_killed_server_changes_no_bit(
    method: str, make_job: MakeJob, digits_folder: str, programs: Callable[[Job], Programs]
) -> None:
    job = make_job(method, rounds=4, clients=["a", "b"], rejoin_timeout_s=30.0)
    run = programs(job)
    server = run.server()
    if method == "split":
        run.start("edge", "--server", run.address, "--rejoin-s", "20")
    workers = {name: run.worker(name) for name in "ab"}
    assert event(server, "round")["round"] == 1
    server.send_signal(signal.SIGKILL)  # at some point of round 2
    server.wait()
    server = run.server()
    done = event(server, "done", "failed")
    assert done.get("parameters_sha256") == simulate(job, digits_folder).facts["parameters_sha256"], done
    assert [worker.wait(END_S) for worker in workers.values()] == [0, 0]
    assert '"cut"' in (run.folder / "a.jsonl").read_text()
    assert run.server() and event(run.started[-1], "done") == done  # nothing left to do: says so at once


def test_a_lost_edge_server_is_a_verdict(make_job: MakeJob, programs: Callable[[Job], Programs]) -> None:
    run = programs(make_job("split", rounds=50, clients=["a"]))
    server = run.server()
    edge = run.start("edge", "--server", run.address)
    worker = run.worker("a", rejoin_s=0.0)
    event(server, "round")
    edge.kill()
    assert "the edge server is lost" in event(server, "failed")["reason"]
    assert worker.wait(END_S) == 1
