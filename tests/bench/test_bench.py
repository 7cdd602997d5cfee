"""From inventory to report, on real SSH, with real training; and every way a user makes it fail."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil

from harness.cell_programs import SERVER_STARTS
from tests.bench.conftest import Command

Wait = Callable[[Callable[[], bool], float], None]


def cells(run: Path) -> pd.DataFrame:
    return pd.read_parquet(run / "cells.parquet")


def test_from_inventory_to_report_with_equal_methods(command: Command) -> None:
    code, output = command.run(command.study("fedavg, recompute, split"), "jetson-nano")
    assert code == 0, output
    (run,) = command.runs
    frame = cells(run)
    assert frame.outcome.tolist() == ["completed"] * 6
    assert frame.parameters_sha256.nunique() == 1
    assert (frame.peak_tensor_bytes > 0).all() and (frame.peak_process_bytes > frame.floor_bytes).all()
    assert frame.virtual.tolist() == ["embedded"] * 6 and frame.energy_j.isna().all()
    assert frame.exchange_bytes.notna().tolist() == [method == "split" for method in frame.method]
    known = [json.loads(path.read_text())["client_facts"] for path in run.rglob("job.json")]
    nano = {"board_class": "jetson-nano", "memory_budget_bytes": 1536 * 2**20}
    assert known == [{"nano-01": nano, "nano-02": nano}] * 3
    samples = pd.read_parquet(run / "samples.parquet")
    assert samples.groupby(["cell_id", "board"]).size().min() > 10
    for name in ("report.html", "report.pdf"):
        assert f"{run}/{name}" in output and (run / name).stat().st_size > 10_000
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["state"] == "finished" and "cells.parquet" in manifest["files"]


def test_a_second_run_copies_nothing(command: Command) -> None:
    study = command.study()
    assert "ready (copied" in command.run(study)[1]
    assert "ready (nothing to copy)" in command.run(study)[1]


def test_an_unreachable_board_has_a_row_and_the_others_go_on(command: Command) -> None:
    with socket.socket() as free:  # bound and not listening: connections are refused
        free.bind(("127.0.0.1", 0))
        command.inventory = command.folder / "inventory.yaml"
        key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOaVfDGVC6D6Zr6q9AmUkGD6Ta9DTr8AAHwAvFG6CYEy"
        command.inventory.write_text(
            "all: {vars: {board_class: jetson-nano, image: virtual, server_address: 127.0.0.1, connect_timeout_s: 5},"
            " hosts: {up: {virtual: embedded}, gone: {virtual: namespace, ansible_host: 127.0.0.1,"
            f" ansible_port: {free.getsockname()[1]}, host_key: {key}}}}}}}\n"
        )
        code, output = command.run(command.study(), "all")
    assert code == 3 and "Not measured in every cell: gone" in output, output
    frame = cells(command.runs[0]).set_index("board")
    assert frame.outcome.to_dict() == {"up": "completed", "gone": "unreachable"}
    assert "refuses connections" in frame.outcome_detail["gone"]


def test_out_of_memory_is_a_result_and_the_run_goes_on(command: Command) -> None:
    study = command.study("fedavg, split", model="resnet18", dataset="synthetic-cifar", batches="1", budget_mb="300")
    code, output = command.run(study)
    assert code == 0, output
    frame = cells(command.runs[0]).set_index("method")
    assert frame.outcome["fedavg"] == "out_of_memory"
    assert re.search(r"budget 300 MiB \((cgroup_v1|cgroup_v2|rlimit)\).* in ", frame.outcome_detail["fedavg"])
    assert frame.outcome["split"] == "completed", frame.outcome_detail["split"]


def test_bad_input_starts_nothing(command: Command) -> None:
    code, output = command.run(command.study(), "nano-1")
    assert code == 2 and "unknown device 'nano-1'" in output and "did you mean 'nano-01'" in output
    command.inventory = command.folder / "bad.yaml"
    command.inventory.write_text("all: {hosts: {a: {board_clas: jetson-nano, ansible_port: 99999}}}\n")
    code, output = command.run(command.study(), "all")
    assert code == 2 and output.count("->") >= 2 and "all.hosts.a.board_clas" in output
    assert not command.results.exists()


def test_a_board_in_use_is_refused_and_says_by_whom(command: Command, wait_until: Wait) -> None:
    long = command.study(rounds=2000, batches="null")
    first = command.start(long)
    wait_until(lambda: any("fl_core.worker" in process.cmdline() for process in running(command)), 30)
    code, output = command.run(command.study())
    assert code == 3 and re.search(r"nano-01: in use by \S+@\S+, run \d{8}-\d{6}-\w{4}, process \d+", output)
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=30)


def running(command: Command) -> list[psutil.Process]:
    return [process for process in command.processes() if alive(process)]


def test_ctrl_c_cleans_up_keeps_what_is_finished_and_says_how_to_go_on(command: Command, wait_until: Wait) -> None:
    study = command.study("fedavg, recompute", rounds=1)
    text = study.read_text()
    study.write_text(text + text.split("cells:\n")[1].replace("rounds: 1", "rounds: 40").replace("accuracy", "more"))
    process = command.start(study)
    wait_until(lambda: bool(command.runs) and len(list(command.runs[0].glob("cells/*/cell.json"))) >= 2, 60)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 130
    assert "2 of 4 cells are finished and kept" in output and "--resume" in output
    wait_until(lambda: not running(command), 10)
    manifest = json.loads((command.runs[0] / "manifest.json").read_text())
    assert manifest["state"] == "interrupted" and len(cells(command.runs[0])) == 2
    code, output = command.run(study, "nano-01", "--resume", command.runs[0].name)
    assert code == 0 and output.count("finished before, kept") == 2
    assert cells(command.runs[0]).outcome.tolist() == ["completed"] * 4


def test_a_killed_controller_leaves_no_process_behind(command: Command, wait_until: Wait) -> None:
    process = command.start(command.study("split", rounds=2000, batches="null"), "jetson-nano")

    def all_here() -> bool:
        words = [word for one in running(command) for word in one.cmdline()]
        return words.count("fl_core.worker") == 2 and words.count("agent") == 2

    wait_until(all_here, 30)
    ours = psutil.Process(process.pid).children(recursive=True)
    assert {"fl_core.server", "fl_core.edge"} <= {word for one in ours for word in one.cmdline()}
    process.kill()
    process.communicate()
    wait_until(lambda: not running(command) and not any(alive(one) for one in ours), 30)


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.is_running()
    except psutil.NoSuchProcess:  # it went between the question and the answer
        return False


def test_what_cannot_run_is_said_before_a_board_is_touched(command: Command) -> None:
    study = command.study("{name: split, options: {cut: blck1}}, freeze, {name: fedavg, options: {cut: block1}}")
    code, output = command.run(study)
    assert code == 2 and "3 mistakes" in output and not command.results.exists(), output
    assert "can be cut after block1, block2" in output and "at least as many rounds" in output
    assert "fedavg has no option cut" in output


def test_a_failed_cell_is_no_result_and_is_run_again(command: Command, wait_until: Wait) -> None:
    study = command.study(rounds=300, batches="null")
    process = command.start(study)

    killed: set[int] = set()

    def killed_one() -> bool:
        fresh = [one for one in command.processes("fl_core.server") if one.pid not in killed]
        for one in fresh:
            killed.add(one.pid)
            one.kill()
        return bool(fresh)

    wait_until(lambda: bool(command.processes("fl_core.worker")), 30)
    for _ in range(SERVER_STARTS):
        wait_until(killed_one, 30)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 3 and "Not measured in every cell: nano-01" in output, output
    assert cells(command.runs[0]).outcome.tolist() == ["stopped"]
    study.write_text(study.read_text().replace("rounds: 300", "rounds: 2"))
    code, output = command.run(study, "nano-01", "--resume", command.runs[0].name)
    assert code == 2 and "the run was begun with" in output


def test_a_worker_that_crashes_is_a_crash_and_the_exit_says_so(command: Command) -> None:
    command.inventory = command.folder / "inventory.yaml"
    python = command.folder / "python-without-torch"
    python.write_text(f'#!/bin/sh\ncase "$*" in *fl_core*) set -- -S "$@";; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    command.inventory.write_text(
        f"all: {{hosts: {{a: {{board_class: phone, virtual: embedded, ansible_python_interpreter: {python}}}}}}}\n"
    )
    code, output = command.run(command.study(), "a")
    assert code == 3, output
    row = cells(command.runs[0]).iloc[0]
    assert row.outcome == "crashed" and "No module named" in row.outcome_detail


def test_the_same_cell_twice_has_the_same_peak(command: Command) -> None:
    study = command.study(model="resnet18", dataset="synthetic-cifar", batches="1")
    study.write_text(study.read_text() + "    repeats: 2\n")
    code, output = command.run(study)
    assert code == 0, output
    first, second = cells(command.runs[0]).peak_process_bytes
    assert abs(first - second) < 0.02 * first
