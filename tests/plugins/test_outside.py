"""A method and a report from outside the tree: installed by pip, named in a study, run on a board, drawn."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from harness.payload import Payload, code_payload

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "fedrack-outside"
version = "1.0"

[project.entry-points."fedrack.methods"]
one-loss = "fedrack_outside.one_loss:METHOD"

[project.entry-points."fedrack.reports"]
outside = "fedrack_outside.report"

[tool.setuptools]
packages = ["fedrack_outside", "fedrack_outside.report"]
package-data = { "fedrack_outside.report" = ["study.yaml"] }
"""
METHOD = """
from fl_core.methods.base import ClientHalf, Method, plain_step
from fl_core.methods.fedavg import Server


class Client(ClientHalf):
    def step(self, model, batch, edge):
        plain_step(model, batch.inputs, batch.labels)
        return 1.0  # by which it is known


METHOD = Method("one-loss", Server, Client)
"""
SECTIONS = """
from reports.data import Finding, Report


def build(run):
    said = Finding("Cells", f"{len(run.cells)} rows of {', '.join(run.cells['method'])}.")
    return Report(name="outside", title="From outside", run_id="r", subtitle="", findings=(said,), sections=())
"""
STUDY = """
format: 1
title: From outside
cells:
  - {group: accuracy, methods: [one-loss], model: cnn, dataset: digits, batch: 32, rounds: 2, batches_per_round: 2}
"""
FILES = {
    "pyproject.toml": PROJECT,
    "fedrack_outside/__init__.py": "",
    "fedrack_outside/one_loss.py": METHOD,
    "fedrack_outside/report/__init__.py": "",
    "fedrack_outside/report/sections.py": SECTIONS,
    "fedrack_outside/report/study.yaml": STUDY,
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pip leaves of the package."""
    folder = tmp_path_factory.mktemp("outside")
    for name, text in FILES.items():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / name).write_text(text)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", folder / "site"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, folder / "source"], check=True)
    return folder / "site"


def fedrack(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", os.getcwd())])
    command = [sys.executable, "-c", "from harness.cli import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})


def test_a_method_and_a_report_from_outside_run_like_ours(site: Path, tmp_path: Path) -> None:
    done = fedrack(site, "bench", "--report", "outside", "--devices", "nano-01", "--results", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = (tmp_path / "outside").iterdir()
    (cell,) = pd.read_parquet(run / "cells.parquet").to_dict("records")
    assert (cell["method"], cell["outcome"], cell["rounds_done"]) == ("one-loss", "completed", 2)
    losses = pd.read_parquet(run / "rounds.parquet").train_loss
    assert (losses == 1.0).all(), "its own step ran on the board, which has the package from nowhere but the payload"
    assert "1 rows of one-loss." in (run / "report.html").read_text()


def test_without_the_package_its_names_are_unknown(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    done = fedrack(tmp_path, "bench", "--study", str(tmp_path / "study.yaml"), "--results", str(tmp_path / "results"))
    assert done.returncode == 2 and "one-loss" in done.stderr and not (tmp_path / "results").exists()


def test_a_payload_holds_the_packages_of_its_methods_alone(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))
    own, more = code_payload(["fedavg"]), code_payload(["fedavg", "one-loss"])
    assert own.digest == code_payload().digest
    assert {name for name in _names(more) if "outside" in name} == {
        "fedrack_outside/__init__.py", "fedrack_outside/one_loss.py", "fedrack_outside/report/__init__.py",
        "fedrack_outside/report/sections.py",
    }  # fmt: skip


def _names(payload: Payload) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(payload.archive)).namelist()
