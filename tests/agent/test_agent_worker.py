"""A worker's life and death: exit codes, budgets, and trees that do not want to go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.agent import linux
from tests.agent.agent_client import AgentProcess, alive, wait_for

Launch = Callable[..., AgentProcess]
MB = 1 << 20
RECORDED = Path(__file__).resolve().parents[1] / "recorded"
INTERPRETERS = [f"3.{minor}" for minor in range(6, 14)]


def test_the_verdict_says_how_it_ended(agent: AgentProcess) -> None:
    assert agent.start("exit", 7, env={"FEDRACK_TEST": "1"})["budget_kind"] == "none"
    event = agent.event("exit")
    assert (event["returncode"], event["signal"]) == (7, None)
    verdict = agent.verdict()
    assert verdict["format"] == 1
    assert (verdict["returncode"], verdict["signal"], verdict["budget_bytes"]) == (7, None, None)
    assert verdict["ended_s"] == event["t_s"] > verdict["started_s"]
    assert verdict["ticks"] == len(agent.samples())
    assert verdict["samples_file"] == "samples.jsonl"
    assert 0 < verdict["agent_cpu_s"] < 1
    assert verdict["faults"] == []
    assert not (agent.root / "out/exit.json.part").exists()


def test_workers_follow_each_other(agent: AgentProcess) -> None:
    for code in (0, 3):
        agent.start("exit", code, out=f"out{code}")
        assert agent.until(lambda message: message.get("event") == "exit")["returncode"] == code


def test_the_environment_is_added_to(agent: AgentProcess) -> None:
    program = "import os; print(os.environ['PATH'] != '', os.environ['EXTRA'], os.getcwd(), flush=True)"
    agent.ask("start", argv=[sys.executable, "-c", program], env={"EXTRA": "yes"}, cwd="/", out="out")
    assert agent.log() == "True yes /\n"


@pytest.mark.parametrize("budget_mb", [40])
def test_a_cgroup_budget_is_kept_by_the_kernel(launch: Launch, budget_mb: int) -> None:
    agent = launch()
    if agent.hello()["board"]["cgroup"] == "none":
        pytest.skip("this machine permits no memory cgroup here")
    reply = agent.start("grow", budget_bytes=budget_mb * MB)
    assert reply["budget_kind"] in ("cgroup_v2", "cgroup_v1"), reply
    assert "fedrack-" in reply["budget_detail"]
    event = agent.event("exit")
    assert (event["returncode"], event["signal"]) == (None, signal.SIGKILL)
    assert event["oom_kills"] is None or event["oom_kills"] >= 1
    verdict = agent.verdict()
    assert (
        verdict["cgroup_peak_bytes"] is None or 0.8 * budget_mb * MB <= verdict["cgroup_peak_bytes"] <= budget_mb * MB
    )
    assert not groups_of(agent), "the group is removed"


def test_without_cgroups_a_limit_of_the_process_takes_over(launch: Launch, bare_root: str) -> None:
    agent = launch(sysroot=bare_root)
    assert agent.hello()["board"]["cgroup"] == "none"
    reply = agent.start("grow", budget_bytes=64 * MB)
    assert reply["budget_kind"] == "rlimit"
    assert "RLIMIT_DATA" in reply["budget_detail"] or "RLIMIT_AS" in reply["budget_detail"]
    event = agent.event("exit")
    assert (event["returncode"], event["oom_kills"]) == (1, None), "refused, not killed"
    assert "MemoryError" in (agent.root / "out/worker.log").read_text()
    assert agent.verdict()["cgroup_peak_bytes"] is None


def test_stop_gives_grace_and_then_kills(agent: AgentProcess) -> None:
    pid = agent.start("stubborn")["pid"]
    agent.log("ready")
    assert agent.ask("stop", grace_s=0.2)["ok"]
    assert not alive(pid)
    assert agent.verdict()["signal"] == signal.SIGKILL


def test_stop_of_a_docile_worker_does_not_wait_out_the_grace(agent: AgentProcess) -> None:
    agent.start("hold", 1, 60)
    agent.log("holding")
    assert agent.ask("stop", grace_s=60)["ok"]
    assert agent.verdict()["signal"] == signal.SIGTERM


def test_a_glance_at_the_tree_sees_all_of_it() -> None:
    program = "import os, time; os.fork(); os.fork(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        for _ in range(4):
            parent.stdout.readline()
        tree = linux.descendants(os.getpid())
        assert parent.pid in tree and len(linux.descendants(parent.pid)) == 3
        assert linux.descendants_at_a_glance(os.getpid()) == tree
        for pid in linux.descendants(parent.pid) | {parent.pid}:
            os.kill(pid, signal.SIGKILL)


def test_hanging_up_takes_the_whole_tree_along(agent: AgentProcess) -> None:
    pids = family(agent)
    agent.hang_up()
    assert agent.wait() == 3
    assert not any(map(alive, pids)), "also the orphan in a session of its own"
    assert agent.verdict()["signal"] == signal.SIGKILL
    assert not groups_of(agent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_it_in_order(agent: AgentProcess, number: signal.Signals) -> None:
    pid = agent.start("hold", 1, 60)["pid"]
    agent.process.send_signal(number)
    assert agent.wait() == 128 + number
    assert not alive(pid)
    assert agent.verdict()["signal"] == signal.SIGKILL


def test_a_killed_agent_takes_its_worker_along(agent: AgentProcess, launch: Launch) -> None:
    pid = agent.start("hold", 1, 60)["pid"]
    agent.log("holding")
    agent.process.kill()
    wait_for(lambda: not alive(pid))
    successor = launch()
    wait_for(lambda: not any(group.joinpath("cgroup.procs").read_text() for group in groups_of(agent)))
    assert successor.hello()["stale_groups"] == []
    assert not groups_of(agent), "the next hello sweeps the empty group"


def test_what_a_worker_leaves_running_is_ended_with_it(agent: AgentProcess) -> None:
    agent.start("orphan")
    _, orphan = map(int, agent.log().split())
    assert agent.event("exit")["returncode"] == 0
    assert not alive(orphan)


@pytest.mark.parametrize("version", INTERPRETERS)
def test_every_supported_interpreter(launch: Launch, version: str) -> None:
    found = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {version} under pyenv")
    agent = launch(python=str(found[-1]), sysroot=str(next(RECORDED.glob("pi4-*"))))
    reply = agent.hello()
    assert reply["agent"]["python"].startswith(version + ".")
    assert reply["agent"]["rss_bytes"] <= 25e6
    agent.start("exit", 5)
    assert agent.event("exit")["returncode"] == 5
    assert set(agent.trace()[0]["sensors_about"]) == {"hwmon_power", "cpu_clock", "temperature", "throttle"}
    assert agent.verdict()["faults"] == []
    assert agent.ask("bye")["ok"]
    assert agent.wait() == 0
    assert agent.process.stderr and agent.process.stderr.read() == b""


def family(agent: AgentProcess) -> list[int]:
    pid = agent.start("family")["pid"]
    _, orphan = map(int, agent.log().split())
    assert alive(pid) and alive(orphan)
    return [pid, orphan]


def groups_of(agent: AgentProcess) -> list[Path]:
    facts = (agent.root / "lease.json").stat()
    mount = Path("/sys/fs/cgroup")
    prefix = f"fedrack-{facts.st_dev:x}-{facts.st_ino:x}-"
    return [Path(folder) / name for folder, names, _ in os.walk(mount) for name in names if name.startswith(prefix)]
