"""A setting that a board does not give up is told everywhere, and the next run puts it back."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from tests.bench.conftest import Command
from tests.harness.local_board import LocalBoard

BOARD = """
all:
  vars: {board_class: edge-x86, virtual: embedded, power_mode: MAXN_SUPER}
  hosts: {edge-01: {}}
"""


@pytest.fixture
def jetson(command: Command, monkeypatch: pytest.MonkeyPatch) -> LocalBoard:
    """Stand-ins of a Jetson's programs beside the interpreter, where an embedded board looks first."""
    board = LocalBoard(command.folder / "jetson")
    programs = command.folder / "environment" / "bin"
    programs.mkdir(parents=True)
    for program in (board.state.parent / "programs").iterdir():
        wrapper = programs / program.name
        wrapper.write_text(f'#!/bin/sh\nFAKE_STATE={board.state} exec {program} "$@"\n')
        wrapper.chmod(0o755)
    (programs / "sudo").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (programs / "sudo").chmod(0o755)
    for name in ("python", "python3"):
        (programs / name).symlink_to(os.path.realpath(sys.executable))
    own = Path(sys.prefix)
    (programs.parent / "lib").symlink_to(own / "lib")
    (programs.parent / "pyvenv.cfg").write_text((own / "pyvenv.cfg").read_text())
    monkeypatch.setattr(sys, "executable", str(programs / "python"))
    return board


def test_what_is_not_restored_is_told_and_restored_by_the_next_run(command: Command, jetson: LocalBoard) -> None:
    command.inventory = command.folder / "inventory.yaml"
    command.inventory.write_text(BOARD)
    study = command.study()
    jetson.put("sticky", "MAXN_SUPER")
    code, output = command.run(study, "edge-01")
    assert code == 3, output
    assert "not as it was found: edge-01: power mode 15W was not taken, it is MAXN_SUPER" in output
    (run,) = command.runs
    manifest = json.loads((run / "manifest.json").read_text())
    assert "15W was not taken" in manifest["boards"]["edge-01"]["not_restored"] and manifest["state"] == "finished"
    (cell,) = [json.loads(file.read_text()) for file in run.glob("cells/*/cell.json")]
    assert cell["boards"]["edge-01"]["outcome"] == "completed", "the measurement stands all the same"
    assert cell["boards"]["edge-01"]["circumstances"]["power_mode"] == "MAXN_SUPER"

    jetson.put("sticky")
    code, output = command.run(study, "edge-01")
    assert code == 0, output
    assert "edge-01: an earlier run had left its power mode changed; restored" in output
    assert jetson.get("mode") == "15W"
