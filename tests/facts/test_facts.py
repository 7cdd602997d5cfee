"""Each file under cases/ is a board's reply, where its form comes from, and what the parser must make of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.connect.base import KILLED, Result
from harness.errors import CommandFailed, Unreachable
from harness.facts import Fact, read
from harness.facts.android import ANDROID, parse_getprop
from harness.facts.cgroup import CGROUPS, parse_cgroups
from harness.facts.clock_sync import CLOCK_SYNC, parse_clock
from harness.facts.clocks import cpu_policies, locked, parse_jetson_clocks, parse_policies
from harness.facts.cpu import CPU, parse_cpuinfo
from harness.facts.disk import disk, parse_df
from harness.facts.gather import gather
from harness.facts.identity import MODEL, parse_l4t, parse_model, parse_pi_revision
from harness.facts.interpreters import interpreters, parse_interpreters
from harness.facts.jtop import JTOP, parse_jtop
from harness.facts.memory import MEMORY, parse_meminfo
from harness.facts.power_mode import POWER_MODE, parse_mode, parse_modes
from harness.facts.swap import SWAPS, parse_swaps
from harness.facts.system import DISTRIBUTION, KERNEL, LIBC, parse_distribution, parse_kernel, parse_libc
from harness.facts.temperature import hottest_c, parse_zones, temperatures
from harness.facts.throttle import parse_throttled, raised_in, throttled_between
from harness.facts.torch_build import parse_torch, torch_build
from harness.facts.users import ACTIVITY, lease, parse_activity, parse_lease
from tests.harness.local_board import LocalBoard

CASES = {path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "cases").glob("*.json"))}
PARSERS: dict[str, Callable[[str], Any]] = {
    "mode": parse_mode,
    "modes": parse_modes,
    "clocks": parse_jetson_clocks,
    "policies": parse_policies,
    "swaps": parse_swaps,
    "throttled": parse_throttled,
    "zones": parse_zones,
    "l4t": parse_l4t,
    "model": parse_model,
    "pi_revision": parse_pi_revision,
    "torch": parse_torch,
    "kernel": parse_kernel,
    "distribution": parse_distribution,
    "libc": parse_libc,
    "cpu": parse_cpuinfo,
    "meminfo": parse_meminfo,
    "df": parse_df,
    "interpreters": parse_interpreters,
    "cgroups": parse_cgroups,
    "clock": parse_clock,
    "jtop": parse_jtop,
    "android": parse_getprop,
    "activity": parse_activity,
    "lease": parse_lease,
}


def plain(value: Any) -> Any:
    """As JSON would have it."""
    if is_dataclass(value) and not isinstance(value, type):
        return json.loads(json.dumps(asdict(value)))
    return [plain(each) for each in value] if isinstance(value, tuple) else value


def text_of(name: str) -> str:
    return "\n".join(CASES[name]["text"])


@pytest.mark.parametrize("name", CASES)
def test_every_reply(name: str) -> None:
    case = CASES[name]
    if "fault" in case:
        with pytest.raises(ValueError, match=case["fault"]):
            PARSERS[case["parser"]](text_of(name))
    else:
        assert plain(PARSERS[case["parser"]](text_of(name))) == case["value"]


def test_clocks_that_have_no_choice_are_locked() -> None:
    assert locked(parse_jetson_clocks(text_of("clocks_tx1_old")))
    assert not locked(parse_jetson_clocks(text_of("clocks_nano"))), "the GPU still scales"


def test_the_hottest_leaves_constants_and_the_switched_off_out() -> None:
    assert hottest_c(parse_zones(text_of("zones_nano"))) == 32.0
    assert hottest_c(parse_zones(text_of("zones_orin_off"))) == 48.406
    assert hottest_c(parse_zones("nvme 40000")) == 40.0
    assert hottest_c(parse_zones("PMIC-Die 100000")) is None


@pytest.mark.parametrize(
    ("before", "after", "spoiled"),
    [
        ("0x0", "0x0", ()),
        ("0x50000", "0x50000", ()),  # long ago
        ("0x0", "0x40000", ("throttled",)),
        ("0x0", "0x20002", ("frequency_capped",)),
        ("0x10001", "0x10000", ("under_voltage",)),
    ],
)
def test_what_spoils_a_run(before: str, after: str, spoiled: tuple[str, ...]) -> None:
    assert throttled_between(parse_throttled(before), parse_throttled(after)) == spoiled


@pytest.mark.parametrize(
    ("key", "values", "raised"),
    [
        ("throttle/pi/under_voltage", [0, 1, 0], ("under_voltage",)),
        ("throttle/rpi_volt/under_voltage", [1, 0], ("under_voltage",)),
        ("throttle/VDD_IN/over_crit_current", [0, 1], ("over_crit_current",)),
        ("throttle/pi/throttled_since_boot", [0, 1, 1], ("throttled",)),
        ("throttle/pi/throttled_since_boot", [1, 1], ()),
        ("throttle/pi/under_voltage", [0, 0], ()),
        ("temperature/cpu/temperature_c", [50.0, 60.0], None),
    ],
)
def test_flags_that_the_agent_saw_raised(key: str, values: list[float], raised: tuple[str, ...] | None) -> None:
    assert raised_in([{key: value} for value in values]) == raised


class Answering:
    """A board that gives one answer."""

    def __init__(self, answer: Result | Exception) -> None:
        self.answer = answer

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        assert timeout_s is not None, "every question has a deadline"
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def result(exit_code: int, stdout: str = "", stderr: str = "") -> Result:
    return Result(stdout=stdout.encode(), stderr=stderr.encode(), exit_code=exit_code)


@pytest.mark.parametrize(
    ("answer", "absent", "fault"),
    [
        (result(127, stderr="sh: 1: nvpmodel: not found"), True, ""),
        (result(1, stderr="cat: /etc/x: No such file or directory"), True, ""),
        (result(1, stderr="warning\nsudo: a password is required"), False, "exit code 1: sudo: a password is required"),
        (result(132), False, "illegal instruction"),
        (result(KILLED), False, "illegal instruction or killed"),
        (result(0, "gibberish"), False, "power mode: no power mode in 'gibberish'"),
        (CommandFailed("nano", "took longer than 10 s"), False, "nano: took longer than 10 s"),
    ],
)
def test_a_fact_is_there_or_absent_or_a_fault(answer: Result | Exception, absent: bool, fault: str) -> None:
    found = read(Answering(answer), POWER_MODE)
    assert found.value is None and found.absent == absent and fault in found.fault


def test_a_lost_board_is_no_fault_of_a_fact() -> None:
    with pytest.raises(Unreachable):
        read(Answering(Unreachable("nano", "no answer")), POWER_MODE)


def test_the_commands_run_on_a_real_system(tmp_path: Path) -> None:
    board = LocalBoard(tmp_path)
    zone = board.sysfs / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "type").write_text("cpu-thermal\n")
    (zone / "temp").write_text("51121\n")
    zones = read(board.runner, temperatures(str(board.sysfs))).value
    policies = read(board.runner, cpu_policies(str(board.sysfs))).value
    mode = read(board.runner, POWER_MODE).value
    assert zones and zones[0].temperature_c == 51.121
    assert policies and [policy.governor for policy in policies] == ["schedutil", "schedutil"]
    assert mode and (mode.name, mode.number) == ("15W", 0)
    assert read(board.runner, SWAPS).value is not None
    facts: list[Fact[Any]] = [cpu_policies("/sys"), temperatures("/sys"), MODEL]
    assert not any(read(board.runner, fact).fault for fact in facts), "whatever this machine has, or lacks"


def test_all_facts_at_once_are_what_they_are_one_by_one(tmp_path: Path) -> None:
    runner = LocalBoard(tmp_path).runner
    facts: list[Fact[Any]] = [
        KERNEL, DISTRIBUTION, LIBC, CPU, MEMORY, disk(str(tmp_path)), interpreters(sys.executable), CGROUPS, CLOCK_SYNC,
        JTOP, ANDROID, ACTIVITY, lease(str(tmp_path), sys.executable), POWER_MODE, SWAPS, MODEL,
    ]  # fmt: skip
    before = len(runner.commands)
    together = gather(runner, facts)
    assert len(runner.commands) == before + 1
    assert not any(found.fault for found in together.values()), "whatever this machine has, or lacks"
    steady = [KERNEL, DISTRIBUTION, LIBC, CPU, interpreters(sys.executable), CGROUPS, JTOP, ANDROID, POWER_MODE]
    assert {fact.name: together[fact.name] for fact in steady} == {fact.name: read(runner, fact) for fact in steady}
    assert together["lease"].value is not None and not together["lease"].value.held


def test_one_bad_answer_spoils_no_other(tmp_path: Path) -> None:
    def command(name: str, command: str) -> Fact[str]:
        return Fact(name=name, command=command, parse=str)

    facts = [command("a", "printf 'no newline'"), command("b", "echo bad >&2; exit 3"), command("c", "no-such-program"),
             command("d", "kill -9 $$ 2>/dev/null; cat; echo x=1")]  # fmt: skip
    found = gather(LocalBoard(tmp_path).runner, facts[:3])
    assert found["a"].value == "no newline"
    assert found["b"].fault == "b: exit code 3: bad"
    assert found["c"].absent
    assert all("stopped halfway" in each.fault for each in gather(LocalBoard(tmp_path / "2").runner, facts).values())


def test_the_torch_of_this_interpreter(tmp_path: Path) -> None:
    found = read(LocalBoard(tmp_path).runner, torch_build(sys.executable), timeout_s=60.0)
    assert found.value is not None and found.value.works, found.fault
    assert found.value.python == ".".join(map(str, sys.version_info[:3]))
