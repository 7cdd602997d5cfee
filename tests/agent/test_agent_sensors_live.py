"""A live agent on a recorded board whose files change under it: the samples go on, and every fault has a name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.agent.agent_client import AgentProcess, wait_for
from tests.agent.test_agent_sensors import ORIN, PACKAGE, RECORDED, replace

Launch = Callable[..., AgentProcess]


@pytest.fixture
def on_board(launch: Launch, tmp_path: Path) -> Callable[..., tuple[AgentProcess, Path]]:
    def start(name: str, *words: object, **arguments: Any) -> tuple[AgentProcess, Path]:
        root = tmp_path / "board"
        shutil.copytree(next(RECORDED.glob(f"{name}-*")), root, symlinks=True)
        agent = launch(sysroot=str(root))
        agent.hello()
        assert agent.start(*(words or ("hold", 1, 60)), **arguments)["ok"]
        return agent, root

    return start


def next_sensors(agent: AgentProcess) -> dict[str, float]:
    """Of the second sample from now: one whose reading began after now."""
    seen = len(agent.samples())
    sensors: dict[str, float] = wait_for(lambda: agent.samples()[seen + 1 :])[0]["sensors"]
    return sensors


def faults(agent: AgentProcess) -> list[str]:
    return [fault["source"] for sample in agent.samples() for fault in sample.get("faults", ())]


def test_a_trace_begins_with_what_its_sensors_cover(on_board: Callable[..., tuple[AgentProcess, Path]]) -> None:
    agent, _ = on_board("agx-orin-jetpack6.2", "hold", 1, 0.3)
    agent.event("exit")
    first, *samples = agent.trace()
    assert set(first) == {"sensors_about"}
    about = first["sensors_about"]
    assert set(about) == {"jetson_power", "cpu_clock", "gpu", "temperature", "throttle"}
    assert about["jetson_power"]["total"] == ["VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"]
    assert "twice" in about["jetson_power"]["not_added"]["VDDQ_VDD2_1V8AO"]
    assert len(samples) == agent.verdict()["ticks"]
    assert all("jetson_power/total/power_w" in sample["sensors"] for sample in samples)
    assert sum("temperature/tj-thermal/temperature_c" in sample["sensors"] for sample in samples) == 1
    for sample in samples:
        assert abs(sample["sensors"]["jetson_power/reading/t_s"] - sample["t_s"]) < 0.05


def test_a_rail_that_vanishes_takes_only_its_total_along(on_board: Callable[..., tuple[AgentProcess, Path]]) -> None:
    agent, root = on_board("orin-nx-jetpack6.2")
    replace(root / ORIN / "curr1_input", "1000\n")
    assert next_sensors(agent)["jetson_power/VDD_IN/power_w"] == pytest.approx(5.04)
    os.unlink(root / ORIN / "curr1_input")
    sensors = next_sensors(agent)
    assert not {"jetson_power/VDD_IN/power_w", "jetson_power/total/power_w"} & set(sensors)
    assert sensors["jetson_power/VDD_SOC/power_w"] == pytest.approx(2.268)
    assert faults(agent) == ["jetson_power/VDD_IN"], "once, by name"
    assert agent.event("fault")["source"] == "jetson_power/VDD_IN"
    replace(root / ORIN / "curr1_input", "2000\n")
    assert next_sensors(agent)["jetson_power/total/power_w"] == pytest.approx(10.08), "it is read again"


def test_energy_is_monotone_until_its_counter_lies(on_board: Callable[..., tuple[AgentProcess, Path]]) -> None:
    agent, root = on_board("x86-debian12", rate_hz=50)
    for text in ("1000000\n", "2000000\n", "garbage\n"):
        next_sensors(agent)
        replace(root / PACKAGE / "energy_uj", text)
    last = next_sensors(agent)
    energy_j = [sample["sensors"].get("rapl/total/energy_j") for sample in agent.samples()]
    shown = [joules for joules in energy_j if joules is not None]
    assert shown == sorted(shown) and shown[-1] - shown[0] == pytest.approx(2 + 0.32885)
    assert "rapl/total/energy_j" not in last and "rapl/package-0.core/energy_j" in last
    assert faults(agent) == ["rapl/package-0"]


def test_a_counter_that_is_roots_alone_is_named_once(on_board: Callable[..., tuple[AgentProcess, Path]]) -> None:
    """A link to itself stands for the refusal, since root, who may run these tests, is refused nothing else."""
    agent, root = on_board("x86-debian12", "hold", 1, 0.2)
    agent.event("exit")
    (root / PACKAGE / "energy_uj").unlink()
    (root / PACKAGE / "energy_uj").symlink_to("energy_uj")
    agent.start("hold", 1, 0.3)
    agent.until(lambda message: message.get("event") == "exit")
    assert "rapl" not in agent.trace()[0]["sensors_about"]
    assert [fault["source"] for fault in agent.verdict()["faults"]] == ["rapl"]


def test_between_ticks_a_burst_reads_the_memory_alone(agent: AgentProcess) -> None:
    agent.start("hold", 20, 1, rate_hz=5, burst_hz=100, pss_rate_hz=0)
    agent.event("exit")
    full = [sample for sample in agent.samples() if "late_s" in sample]
    burst = [sample for sample in agent.samples() if "late_s" not in sample]
    verdict = agent.verdict()
    assert (len(full), len(burst)) == (verdict["ticks"], verdict["burst_ticks"])
    assert len(full) == pytest.approx(5, abs=3) and len(burst) >= 40
    memory = {"t_s", "rss_bytes", "hwm_bytes", "mem_available_bytes", "swap_used_bytes"}
    assert {name for sample in burst for name in sample if not name.startswith("cgroup_")} <= memory
    assert max(sample.get("rss_bytes", 0) for sample in burst) >= 20 << 20
    times = [sample["t_s"] for sample in agent.samples()]
    assert times == sorted(times)


@pytest.mark.parametrize("burst_hz", [0, -1, "fast", 2000])
def test_a_burst_rate_is_checked(agent: AgentProcess, burst_hz: object) -> None:
    reply = agent.start("exit", 0, burst_hz=burst_hz)
    assert reply["error"] == "bad_request" and "burst_hz:" in reply["detail"]
