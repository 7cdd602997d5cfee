"""A made-up run in a results folder, and the command as a user gives it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.cli import commands
from harness.store import RunFolder
from tests.reports.conftest import sketches, write_run

__all__ = ["sketches"]
RUN = "20261121-104500-ab12"
Give = Callable[..., Result]


def finished(folder: Path, **how: object) -> Path:
    """A run folder with digests in its manifest, as a bench leaves it."""
    folder.mkdir(parents=True)
    write_run(folder, **how)  # type: ignore[arg-type]
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]
    RunFolder(path=folder).write_manifest({**manifest, "run_id": folder.name})
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return finished(tmp_path / "results" / "quick" / RUN, groups=("memory",))


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """`give("export", RUN, ...)`, with our results folder."""

    def one(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(commands, [command, "--results", str(tmp_path / "results"), *arguments])

    return one
