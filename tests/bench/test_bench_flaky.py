"""A board that fails for no reason of the method's: tried again, quarantined, replaced by a twin, taken back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil

from harness.states import State, States
from tests.bench.conftest import Command

Wait = Callable[[Callable[[], bool], float], None]
TWINS = """
all:
  vars: {virtual: embedded, image: virtual, memory_budget_mb: 2048}
  hosts:
    nano-01: %s
    nano-02: {board_class: jetson-nano}
    pi4-01: {board_class: raspberry-pi-4}
"""


def cmdline(process: psutil.Process) -> list[str]:
    """Empty for one that ended meanwhile."""
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


def agents(command: Command) -> list[psutil.Process]:
    """Agents beside which a worker trains."""
    words = [(process, cmdline(process)) for process in command.processes()]
    trains = any("fl_core.worker" in line for _, line in words)
    return [process for process, line in words if "agent" in line and "--root" in line] if trains else []


def with_twins(command: Command, first: str = "{board_class: jetson-nano}") -> None:
    command.inventory = command.folder / "twins.yaml"
    command.inventory.write_text(TWINS % first)


def results(command: Command) -> tuple[Path, pd.DataFrame]:
    run = command.runs[-1]
    return run, pd.read_parquet(run / "cells.parquet")


def test_a_lost_board_is_tried_again_then_quarantined_and_a_health_check_brings_it_back(
    command: Command, wait_until: Wait
) -> None:
    process = command.start(command.study(rounds=150, batches="null"))
    for _ in range(2):
        wait_until(lambda: bool(agents(command)), 40)
        for agent in agents(command):
            agent.kill()
        wait_until(lambda: not agents(command), 10)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 3, output
    run, cells = results(command)
    tries = [json.loads(line) for line in (run / "tries.jsonl").read_text().splitlines()]
    assert [one["attempt"] for one in tries] == [1, 2] and all("lost" in one["failed"]["nano-01"] for one in tries)
    assert "tried again, nano-01 failed it" in output
    assert cells.outcome.tolist() == ["lost"]
    states = States(command.results / ".boards")
    assert states["nano-01"].state is State.QUARANTINED and "2 failures in 2 tries" in states["nano-01"].evidence
    assert not states["nano-01"].held_by
    assert command.run(command.study())[0] == 0, "it passes its health check when the next run begins"
    assert states["nano-01"].probation and states["nano-01"].tries == (False,)


def test_a_twin_takes_the_place_of_a_board_that_is_lost_in_the_middle(command: Command, wait_until: Wait) -> None:
    with_twins(command)
    process = command.start(command.study(rounds=60, batches="null"), "nano-01", "--spares", "pi4-01,nano-02")
    for _ in range(2):
        wait_until(lambda: bool(agents(command)), 40)
        for agent in agents(command):
            agent.kill()
        wait_until(lambda: not agents(command), 10)
    output = process.communicate(timeout=90)[0]
    assert process.returncode == 0, output
    assert "nano-02: stands in for nano-01 (" in output
    run, cells = results(command)
    assert cells[["board", "outcome"]].to_numpy().tolist() == [["nano-02", "completed"]]
    manifest = json.loads((run / "manifest.json").read_text())
    (stand_in,) = manifest["stand_ins"]
    assert (stand_in["board"], stand_in["client"]) == ("nano-02", "nano-01") and "2 failures" in stand_in["why"]
    assert manifest["boards"]["nano-01"]["state"] == "quarantined"
    assert "on nano-02 in the place of nano-01" in (run / "report.html").read_text()


def test_a_board_in_quarantine_is_skipped_and_its_twin_trains_the_same_model(command: Command) -> None:
    with_twins(command)
    assert command.run(command.study())[0] == 0
    unbroken = results(command)[1].parameters_sha256.tolist()
    states = States(command.results / ".boards")
    states["nano-01"] = states["nano-01"].quarantined("its fan rattles")
    code, output = command.run(command.study(), "nano-01", "--spares", "all")
    assert code == 0 and "nano-01: skipped: quarantined by hand since" in output and "its fan rattles" in output
    _, cells = results(command)
    assert cells.board.tolist() == ["nano-02"] and cells.parameters_sha256.tolist() == unbroken
    code, output = command.run(command.study())
    assert code == 3 and "skipped" in output and results(command)[1].outcome.tolist() == ["quarantined"]


def test_cells_of_a_board_that_never_came_are_made_up_for_by_a_twin(command: Command) -> None:
    with_twins(command, "{board_class: jetson-nano, ansible_python_interpreter: /no/such/python}")
    study = command.study()
    code, output = command.run(study)
    assert code == 3, output
    run, cells = results(command)
    assert cells.board.tolist() == ["nano-01"] and cells.outcome[0] in ("lost", "broken")
    code, output = command.run(study, "nano-01", "--spares", "all", "--resume", run.name)
    assert code == 0 and "nano-02: stands in for nano-01" in output, output
    assert results(command)[1][["board", "outcome"]].to_numpy().tolist() == [["nano-02", "completed"]]
