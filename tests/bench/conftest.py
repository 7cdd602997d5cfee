"""The whole path as a user runs it: the command in a process of its own, on embedded boards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

STUDY = """
format: 1
title: A test
cells:
  - group: accuracy
    methods: [{methods}]
    model: {model}
    dataset: {dataset}
    batch: 32
    rounds: {rounds}
    batches_per_round: {batches}
    budget_mb: {budget_mb}
"""


class Command:
    """`fedrack bench` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results"
        self.inventory = Path("inventories/virtual.yaml").resolve()
        self.started: list[subprocess.Popen[str]] = []

    def study(
        self, methods: str = "fedavg", model: str = "cnn", dataset: str = "digits", rounds: int = 1,
        batches: str = "2", budget_mb: str = "null",
    ) -> Path:  # fmt: skip
        text = STUDY.format(
            methods=methods, model=model, dataset=dataset, rounds=rounds, batches=batches, budget_mb=budget_mb
        )
        path = self.folder / f"study-{len(list(self.folder.glob('study-*')))}.yaml"
        path.write_text(text)
        return path

    def start(self, study: Path, devices: str = "nano-01", *more: str) -> subprocess.Popen[str]:
        arguments = ["--study", str(study), "--devices", devices, "--inventory", str(self.inventory)]
        arguments += ["--results", str(self.results), *more]
        process = subprocess.Popen(
            [sys.executable, "-c", "from harness.cli import main; main()", "bench", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200"},
            # A shell's background job ignores Ctrl-C; a test runner may be one
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.started.append(process)
        return process

    def run(self, study: Path, devices: str = "nano-01", *more: str) -> tuple[int, str]:
        process = self.start(study, devices, *more)
        output = process.communicate(timeout=110)[0]
        return process.returncode, output

    @property
    def runs(self) -> list[Path]:
        return sorted((self.results / "quick").glob("*"))

    def processes(self, module: str = "") -> list[psutil.Process]:
        """Everything that runs on behalf of this folder's boards or runs, or what of it runs that module."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), process.cwd()]
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            if any(str(self.folder) in word for word in words) and (not module or module in words):
                found.append(process)
        return found


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    made = Command(tmp_path)
    yield made
    for process in made.started:
        process.kill()
        process.wait()


@pytest.fixture
def wait_until() -> Callable[[Callable[[], bool], float], None]:
    import time

    def wait(condition: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout_s} s"
            time.sleep(0.1)

    return wait
