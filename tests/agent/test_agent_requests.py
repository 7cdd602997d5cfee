"""Requests and answers: hello, the lease, refusals, garbage."""

from __future__ import annotations

import fcntl
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.agent_client import HOLDER, AgentProcess, alive, wait_for

Launch = Callable[..., AgentProcess]


def test_hello_tells_about_agent_and_board(launch: Launch) -> None:
    reply = launch().hello()
    assert reply["ok"]
    assert set(reply["agent"]) == {"version", "python", "pid", "rss_bytes"}
    assert set(reply["board"]) == {
        "machine",
        "system",
        "cpu_count",
        "mem_total_bytes",
        "boot_id",
        "hostname",
        "cgroup",
        "clear_refs",
    }
    assert reply["board"]["cgroup"] in ("v2", "v1", "none")
    assert reply["stale_groups"] == []
    assert reply["agent"]["rss_bytes"] <= 25e6


def test_a_second_controller_hears_who_holds_the_board(agent: AgentProcess, launch: Launch) -> None:
    other = launch()
    reply = other.hello()
    assert (reply["ok"], reply["error"], reply["holder"]) == (False, "busy", HOLDER)
    assert other.start("exit", 0)["error"] == "no_lease"
    assert agent.ask("bye")["ok"]
    assert agent.wait() == 0
    assert other.hello()["ok"]


def test_a_killed_agent_leaves_no_lease_behind(agent: AgentProcess, launch: Launch) -> None:
    agent.process.kill()
    agent.wait()
    assert launch().hello()["ok"]


@pytest.mark.parametrize("line", [b"garbage\n", b"\xff\xfe\n", b"[1]\n", b'{"do": 7}\n', b"{}\n", b"\n{\n"])
def test_garbage_is_refused_and_forgotten(agent: AgentProcess, line: bytes) -> None:
    agent.write(line)
    assert agent.until(lambda message: "ok" in message)["error"] == "bad_request"
    assert agent.ask("ping")["ok"]


def test_an_endless_line_is_refused(agent: AgentProcess) -> None:
    agent.write(b"x" * (3 << 20) + b"\n")
    assert agent.until(lambda message: "ok" in message)["error"] == "bad_request"
    assert agent.ask("ping")["ok"]


def test_every_mistake_of_a_start_is_listed(agent: AgentProcess) -> None:
    reply = agent.ask("start", argv=[], out="", budget_bytes=1.5, rate_hz=0, env={"A": 1}, pss_rate_hz=-1)
    assert reply["error"] == "bad_request"
    for name in ("argv", "out", "budget_bytes", "rate_hz", "pss_rate_hz", "env"):
        assert f"{name}:" in reply["detail"]


def test_unknown_and_impossible_requests(agent: AgentProcess) -> None:
    assert agent.ask("dance")["error"] == "unknown_request"
    assert agent.ask("hello")["error"] == "bad_request"
    assert agent.ask("stop")["ok"], "nothing to stop is stopped already"
    assert agent.ask("stop", grace_s="x")["error"] == "bad_request"
    refused = agent.ask("start", argv=["/no/such/program"], out="out")
    assert refused["error"] == "start_failed" and "/no/such/program" in refused["detail"]
    assert agent.start("hold", 1, 60)["ok"]
    assert agent.start("exit", 0)["error"] == "running"


def test_a_lease_ends_without_a_sign_of_life(launch: Launch) -> None:
    agent = launch()
    agent.hello(lease_s=0.4)
    pid = agent.start("hold", 1, 60)["pid"]
    assert agent.wait() == 3
    assert not Path(f"/proc/{pid}").exists()
    assert agent.verdict()["signal"] == signal.SIGKILL
    assert agent.process.stderr and b"lease" in agent.process.stderr.read()
    assert launch().hello()["ok"]


def test_a_reader_that_goes_away_has_hung_up(launch: Launch) -> None:
    agent = launch(reading=False)
    agent.write(json.dumps({"id": 1, "do": "hello", "holder": HOLDER}).encode() + b"\n")
    agent.stdout.readline()
    agent.write(b'{"id": 2, "do": "start", "out": "out", "argv": ["sleep", "60"]}\n')
    agent.stdout.readline()
    agent.stdout.close()
    agent.write(b'{"id": 3, "do": "ping"}\n')
    assert agent.wait() == 3
    assert agent.verdict()["signal"] == signal.SIGKILL


def test_pings_keep_the_lease(launch: Launch) -> None:
    agent = launch()
    agent.hello(lease_s=0.6)
    agent.start("hold", 1, 1)
    for _ in range(100):
        agent.ask("ping")
        if any(event["event"] == "exit" for event in agent.events):
            break
        time.sleep(0.05)
    assert agent.verdict()["returncode"] == 0


def test_a_board_that_stood_still_hears_what_was_said_meanwhile(launch: Launch) -> None:
    agent = launch()
    agent.hello(lease_s=1.0)
    pid = agent.start("hold", 1, 60)["pid"]
    agent.process.send_signal(signal.SIGSTOP)
    for _ in range(6):
        time.sleep(0.3)
        agent.write(b'{"do": "ping"}\n')
    agent.process.send_signal(signal.SIGCONT)
    agent.ask("ping")
    time.sleep(0.3)
    assert agent.ask("ping")["ok"] and alive(pid)
    assert agent.wait() == 3, "words of old do not hold the lease for ever"


def test_a_client_that_reads_nothing_does_not_stall_the_sampling(launch: Launch) -> None:
    agent = launch(reading=False)
    fcntl.fcntl(agent.stdout, 1031, 4096)  # F_SETPIPE_SZ: the smallest pipe there is
    for request in (
        {"id": 1, "do": "hello", "holder": HOLDER},
        {"id": 2, "do": "start", "out": "out", "rate_hz": 1000, "pss_rate_hz": 0, "argv": ["sleep", "1.5"]},
    ):
        agent.write(json.dumps(request).encode() + b"\n")
    for number in range(300):
        agent.write(b'{"id": %d, "do": "ping"}\n' % (1000 + number))
    wait_for((agent.root / "out/exit.json").exists)
    verdict = agent.verdict()
    assert verdict["ticks"] + verdict["missed_ticks"] >= 1400
    assert verdict["ticks"] >= 300, "sampling stalled (a busy machine misses many at this rate)"
    agent.read()
    assert agent.until(lambda message: message.get("id") == 1299)["ok"], "answers wait for a late reader"
    assert agent.event("exit")["returncode"] == 0
