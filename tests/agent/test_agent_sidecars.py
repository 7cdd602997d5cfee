"""Sensors in processes of their own, beside a worker: never taken for it, never outliving it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.agent.agent_client import AgentProcess, alive, wait_for

Launch = Callable[..., AgentProcess]
STAND_INS = Path(__file__).resolve().parents[1] / "sidecars" / "stand_ins"


@pytest.fixture
def agent(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> AgentProcess:
    monkeypatch.setenv("PATH", str(STAND_INS), prepend=":")
    started = launch()
    assert started.hello()["ok"]
    return started


def readings(agent: AgentProcess, name: str) -> list[str]:
    file = agent.root / "out" / f"{name}.jsonl"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [line for line in lines if "sensors" in json.loads(line)]


def sidecars_of(agent: AgentProcess) -> list[psutil.Process]:
    return [each for each in psutil.Process(agent.process.pid).children() if "_reader" in " ".join(each.cmdline())]


def test_they_run_while_the_worker_runs(agent: AgentProcess) -> None:
    answer = agent.start("hold", 1, 30, sidecars=["vcgencmd", "jtop"])
    assert answer["sidecars_absent"] == {"jtop": "no module jtop for this Python (pip install jetson-stats)"}
    wait_for(lambda: readings(agent, "vcgencmd"))
    (sidecar,) = sidecars_of(agent)
    assert agent.ask("stop", grace_s=0)["ok"], "the worker is gone although a sidecar lives"
    assert agent.event("exit")["signal"] in (signal.SIGTERM, signal.SIGKILL)
    assert wait_for(lambda: not alive(sidecar.pid))
    verdict = agent.verdict()
    assert verdict["sidecars_absent"] == answer["sidecars_absent"]
    assert verdict["faults"] == []


def test_they_are_not_counted_as_the_workers(agent: AgentProcess) -> None:
    worker = psutil.Process(agent.start("hold", 1, 30, sidecars=["vcgencmd"])["pid"])
    wait_for(lambda: readings(agent, "vcgencmd"))
    wait_for(lambda: len(agent.samples()) > 15)  # past the next listing of the tree
    (sidecar,) = sidecars_of(agent)
    assert agent.samples()[-1]["rss_bytes"] < worker.memory_info().rss + sidecar.memory_info().rss / 2


def test_one_that_dies_is_a_fault_and_the_worker_goes_on(agent: AgentProcess) -> None:
    agent.start("hold", 1, 30, sidecars=["vcgencmd"])
    wait_for(lambda: readings(agent, "vcgencmd"))
    (sidecar,) = sidecars_of(agent)
    os.kill(sidecar.pid, signal.SIGKILL)
    fault = agent.event("fault")
    assert "vcgencmd" in json.dumps(fault) and "ended with code -9" in json.dumps(fault)
    before = len(agent.samples())
    wait_for(lambda: len(agent.samples()) > before + 3)
    agent.ask("stop", grace_s=0)
    assert any("ended with code -9" in json.dumps(each) for each in agent.verdict()["faults"])


def test_they_die_with_the_agent(agent: AgentProcess) -> None:
    agent.start("hold", 1, 30, sidecars=["vcgencmd"])
    wait_for(lambda: readings(agent, "vcgencmd"))
    (sidecar,) = sidecars_of(agent)
    agent.process.kill()
    assert wait_for(lambda: not alive(sidecar.pid))
