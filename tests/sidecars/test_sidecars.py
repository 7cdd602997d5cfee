"""Starting, ending and not being there: what the agent relies on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.agent import linux
from harness.agent.sidecars import Sidecars
from tests.agent.agent_client import alive, wait_for
from tests.sidecars.conftest import ROOT, Reader, Trace


def test_those_that_apply_run_and_the_others_say_why_not(sidecars: Sidecars, tmp_path: Path) -> None:
    absent = sidecars.start(["jtop", "tegrastats", "vcgencmd", "nvlm"], str(tmp_path))
    assert absent == {"nvlm": "no such sidecar; known: jtop, nvml, tegrastats, vcgencmd"}
    for name in ("jtop", "tegrastats", "vcgencmd"):
        Trace(tmp_path / f"{name}.jsonl").until(lambda trace: trace.samples())
    assert set(sidecars.running) == {"jtop", "tegrastats", "vcgencmd"}
    assert sidecars.newly_ended() == {}
    assert len(pids_of(sidecars)) >= 4, "tegrastats runs below its reader"


def test_nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    absent = Sidecars().start(["jtop", "tegrastats", "vcgencmd"], str(tmp_path))
    assert absent == {
        "jtop": "no module jtop for this Python (pip install jetson-stats)",
        "tegrastats": "no program tegrastats on PATH",
        "vcgencmd": "no program vcgencmd on PATH",
    }
    assert list(tmp_path.iterdir()) == []


def test_looking_is_cheap_and_imports_nothing(board: pytest.MonkeyPatch) -> None:
    code = (
        "import sys, time\n"
        "from harness.agent.sidecars import SIDECARS\n"
        "began = time.process_time()\n"
        "for sidecar in SIDECARS.values(): sidecar.absence(True)\n"
        "print(time.process_time() - began < 0.05, {'jtop', 'pynvml', 'multiprocessing'} & set(sys.modules))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout == "True set()\n"


def test_stop_leaves_no_process(sidecars: Sidecars, tmp_path: Path) -> None:
    sidecars.start(["tegrastats", "jtop"], str(tmp_path), 10.0)
    Trace(tmp_path / "tegrastats.jsonl").until(lambda trace: trace.samples())
    pids = pids_of(sidecars)
    began = time.monotonic()
    sidecars.stop()
    assert time.monotonic() - began < 2.0
    wait_until_gone(pids)


def test_stop_kills_what_does_not_listen(sidecars: Sidecars, tmp_path: Path) -> None:
    sidecars.start(["tegrastats"], str(tmp_path))
    Trace(tmp_path / "tegrastats.jsonl").until(lambda trace: trace.samples())
    pids = pids_of(sidecars)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    sidecars.stop(grace_s=0.2)
    wait_until_gone(pids)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_none_outlives_the_agent(board: pytest.MonkeyPatch, tmp_path: Path, end: signal.Signals) -> None:
    code = (
        "import json, os, sys, time\n"
        "from harness.agent import linux\n"
        "from harness.agent.sidecars import Sidecars\n"
        "sidecars = Sidecars()\n"
        "sidecars.start(['tegrastats', 'jtop'], sys.argv[1])\n"
        "time.sleep(0.5)\n"
        "print(json.dumps(sorted(linux.descendants(os.getpid()))), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as agent:
        assert agent.stdout
        pids = set(json.loads(agent.stdout.readline()))
        assert len(pids) >= 3
        agent.send_signal(end)
    wait_until_gone(pids)


def test_one_that_ends_by_itself_is_seen(sidecars: Sidecars, board: pytest.MonkeyPatch, tmp_path: Path) -> None:
    board.setenv("JTOP_STAND_IN", "mismatch")
    sidecars.start(["jtop"], str(tmp_path))
    assert wait_for(sidecars.newly_ended) == {"jtop": 1}
    assert sidecars.newly_ended() == {}, "it is told once"


def test_one_that_the_agent_reaped_itself(sidecars: Sidecars, board: pytest.MonkeyPatch, tmp_path: Path) -> None:
    board.setenv("JTOP_STAND_IN", "mismatch")
    sidecars.start(["jtop"], str(tmp_path))
    pid, status = os.waitpid(sidecars.running["jtop"].pid, 0)
    assert not sidecars.on_reaped(1, status)
    assert sidecars.on_reaped(pid, status)
    assert sidecars.newly_ended() == {"jtop": 1}
    sidecars.stop()


def test_a_rate_above_the_highest_is_not_taken(sidecars: Sidecars, tmp_path: Path) -> None:
    sidecars.start(["jtop"], str(tmp_path), 50.0)
    trace = Trace(tmp_path / "jtop.jsonl")
    trace.until(lambda trace: trace.samples())
    assert trace.about()["rate_hz"] == 2.0


def test_a_missing_module_is_named_by_the_reader(read: Callable[..., Reader]) -> None:
    reader = read("jtop", PYTHONPATH="")
    assert reader.process.wait(5) == 4
    assert "pip install jetson-stats" in reader.trace.faults()[0]


def test_a_full_disk_does_not_end_it(read: Callable[..., Reader]) -> None:
    reader = read("jtop")
    reader.trace.until(lambda trace: trace.samples())
    psutil.Process(reader.process.pid).rlimit(psutil.RLIMIT_FSIZE, (1, psutil.RLIM_INFINITY))
    time.sleep(0.3)
    assert reader.process.poll() is None
    psutil.Process(reader.process.pid).rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    before = len(reader.trace.samples())
    reader.trace.until(lambda trace: len(trace.samples()) > before)
    assert max(record.get("lost_lines", 0) for record in reader.trace.records()) > 1


def pids_of(sidecars: Sidecars) -> set[int]:
    """All their processes, with the programs they run."""
    return {pid for each in sidecars.running.values() for pid in (each.pid, *linux.descendants(each.pid))}


def wait_until_gone(pids: set[int]) -> None:
    assert wait_for(lambda: not any(alive(pid) for pid in pids))
