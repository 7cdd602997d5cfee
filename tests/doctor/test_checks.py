"""Each check against a healthy board with one thing changed: what it must say, and that every failure has a remedy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.doctor.base import Patient, Verdict
from harness.doctor.checks import CHECKS
from harness.facts.android import Android
from harness.facts.base import Found
from harness.facts.cgroup import Cgroups
from harness.facts.clock_sync import ClockSync
from harness.facts.disk import Disk
from harness.facts.interpreters import Interpreter
from harness.facts.link import Link
from harness.facts.memory import Memory
from harness.facts.power_mode import PowerMode
from harness.facts.sensors import SensorReading
from harness.facts.swap import Swap
from harness.facts.temperature import Zone
from harness.facts.throttle import Throttle
from harness.facts.torch_build import TorchBuild
from harness.facts.users import Activity, Lease
from harness.load import load_inventory
from harness.load.image import load_image
from harness.provision.plan import Plan
from harness.provision.steps import Run
from harness.provision.survey import assumed

GIB = 1 << 30
SPEC = replace(load_inventory(Path("inventories/example-rack.yaml")).boards[0], memory_budget_bytes=2 * GIB)
IMAGE = load_image(SPEC.image)  # jetson-jp4
TORCH = TorchBuild(
    version="1.10.0", git="", cuda="10.2", cuda_usable=True, mkldnn=False, config_sha256="", python="3.6.9", works=True,
    cuda_archs=("sm_53", "sm_62"),
)  # fmt: skip
PHONE = Android(model="Pixel 6", manufacturer="Google", release="14", api_level=34, abi="arm64-v8a")
HEALTHY = Patient(
    spec=SPEC,
    image=IMAGE,
    survey=replace(
        assumed(SPEC, IMAGE),
        disk=Disk(size_bytes=32 * GIB, free_bytes=9 * GIB, mounted_on="/"),
        memory=Memory(total_bytes=4 * GIB, available_bytes=3 * GIB),
        cgroups=Cgroups(version=1, memory=True, off_by_command_line=False),
        power_mode=PowerMode(name="MAXN", number=0),
        power_modes={"MAXN": 0, "5W": 1},
    ),
    plan=Plan(board=SPEC.name, image=IMAGE.name),
    clock=Found(value=ClockSync(wall_s=0.0, has_rtc=True, synchronised=True)),
    clock_offset_s=0.1,
    activity=Found(value=Activity(logins=(), load=0.1)),
    lease=Found(value=Lease(held=False, holder="")),
    throttled=Found(value=None),
    zones=Found(value=(Zone(name="CPU-therm", temperature_c=40.0),)),
    torch=Found(value=TORCH),
    sensors=Found(
        value=SensorReading(names=("ina3221/POM_5V_IN/power_w", "mem_available_bytes"), failed=(), rate_hz=10.0)
    ),
    link=Found(value=Link(round_trip_s=0.001, best_s=0.0005, rate_bytes_per_s=1e8)),
    android=Found(value=None),
)


def with_survey(**fields: Any) -> Callable[[Patient], Patient]:
    return lambda patient: replace(patient, survey=replace(patient.survey, **fields))


def but(**fields: Any) -> Callable[[Patient], Patient]:
    return lambda patient: replace(patient, **fields)


def sensors(names: tuple[str, ...] = (), failed: tuple[str, ...] = (), rate_hz: float = 10.0) -> Found[SensorReading]:
    return Found(value=SensorReading(names=names, failed=failed, rate_hz=rate_hz))


CHANGES: list[tuple[Callable[[Patient], Patient], str, Verdict, str]] = [
    (but(clock_offset_s=-86400.0), "clock", Verdict.WARNING, "-86400.0 s from this machine, set by NTP"),
    (but(clock=Found(value=None, fault="clock: exit code 1")), "clock", Verdict.UNKNOWN, "clock: exit code 1"),
    (
        with_survey(disk=Disk(size_bytes=GIB, free_bytes=1 << 20, mounted_on="/")),
        "disk",
        Verdict.FAILED,
        "1.0 MiB free on /",
    ),
    (
        with_survey(disk=Disk(size_bytes=GIB, free_bytes=GIB // 2, mounted_on="/")),
        "disk",
        Verdict.WARNING,
        "512 MiB free",
    ),
    (with_survey(disk=None), "disk", Verdict.UNKNOWN, "df did not answer"),
    (with_survey(memory=Memory(total_bytes=GIB, available_bytes=GIB)), "memory", Verdict.FAILED, "budget 2,048 MiB"),
    (
        with_survey(memory=Memory(total_bytes=4 * GIB, available_bytes=GIB)),
        "memory",
        Verdict.WARNING,
        "1,024 MiB available",
    ),
    (
        with_survey(swaps=(Swap(device="/dev/zram0", kind="partition", size_bytes=GIB, used_bytes=0, priority=5),)),
        "swap",
        Verdict.FAILED,
        "/dev/zram0 1,024 MiB",
    ),
    (with_survey(interpreters=()), "python", Verdict.FAILED, "is not there"),
    (with_survey(interpreters=(Interpreter(path="python3", version=(3, 5, 2)),)), "python", Verdict.FAILED, "3.5.2"),
    (
        but(plan=Plan(board="b", image="i", steps=(Run(command="", why="first thing"),))),
        "image",
        Verdict.FAILED,
        "first thing",
    ),
    (but(plan=Plan(board="b", image="i", refusals=("for L4T 36",))), "image", Verdict.FAILED, "for L4T 36"),
    (
        but(torch=Found(value=None, fault="torch build: illegal instruction or killed; is it built for this CPU?")),
        "torch",
        Verdict.FAILED,
        "this wheel does not run on this CPU",
    ),
    (
        but(torch=Found(value=replace(TORCH, cuda_archs=("sm_87",)))),
        "torch",
        Verdict.FAILED,
        "no kernels for sm_53, only for sm_87",
    ),
    (but(torch=Found(value=replace(TORCH, works=False))), "torch", Verdict.FAILED, "came out wrong"),
    (
        with_survey(cgroups=Cgroups(version=2, memory=False, off_by_command_line=True)),
        "memory controller",
        Verdict.FAILED,
        "off",
    ),
    (
        with_survey(cgroups=Cgroups(version=None, memory=False, off_by_command_line=False)),
        "memory controller",
        Verdict.WARNING,
        "address space",
    ),
    (with_survey(power_mode=PowerMode(name="5W", number=1)), "power mode", Verdict.WARNING, "5W, wanted is MAXN"),
    (
        with_survey(power_mode=PowerMode(name="15W", number=0), power_modes={"15W": 0}),
        "power mode",
        Verdict.FAILED,
        "no MAXN",
    ),
    (with_survey(power_mode=None), "power mode", Verdict.FAILED, "nvpmodel does not answer"),
    (but(sensors=sensors(("mem_available_bytes",))), "sensors", Verdict.WARNING, "0 of power"),
    (but(sensors=sensors(rate_hz=6.0)), "sensors", Verdict.WARNING, "6.0 Hz of 10"),
    (but(sensors=sensors(failed=("gpu: Permission denied",))), "sensors", Verdict.WARNING, "gpu: Permission denied"),
    (but(link=Found(value=None, fault="link: exit code 1: timed out")), "link", Verdict.FAILED, "timed out"),
    (
        but(link=Found(value=Link(round_trip_s=0.3, best_s=0.2, rate_bytes_per_s=1e8))),
        "link",
        Verdict.WARNING,
        "300 ms, 800 Mbit",
    ),
    (
        but(lease=Found(value=Lease(held=True, holder="ana@desk, run 7"))),
        "users",
        Verdict.FAILED,
        "in use by ana@desk, run 7",
    ),
    (but(lease=Found(value=Lease(held=False, holder="ana@desk, run 7"))), "users", Verdict.OK, "left behind is void"),
    (
        but(activity=Found(value=Activity(logins=("ana",), load=3.5))),
        "users",
        Verdict.WARNING,
        "load 3.50, logins: ana",
    ),
    (
        but(throttled=Found(value=Throttle(now=("under_voltage",), since_boot=()))),
        "throttling",
        Verdict.FAILED,
        "under voltage",
    ),
    (
        but(throttled=Found(value=Throttle(now=(), since_boot=("throttled",)))),
        "throttling",
        Verdict.WARNING,
        "since boot",
    ),
    (but(android=Found(value=PHONE)), "android", Verdict.WARNING, "Pixel 6, Android 14, arm64-v8a: it may end"),
    (but(android=Found(value=replace(PHONE, api_level=30))), "android", Verdict.OK, "Google Pixel 6"),
    (but(image=load_image("phone-termux"), android=Found(value=None, fault="")), "android", Verdict.UNKNOWN, "getprop"),
    (but(zones=Found(value=(Zone(name="cpu", temperature_c=83.0),))), "throttling", Verdict.WARNING, "83 degrees"),
]


def test_a_healthy_board_passes_every_check() -> None:
    findings = [check(HEALTHY) for check in CHECKS]
    assert [finding.verdict for finding in findings] == [Verdict.OK] * len(CHECKS), findings


@pytest.mark.parametrize(("change", "name", "verdict", "evidence"), CHANGES)
def test_one_thing_wrong(change: Callable[[Patient], Patient], name: str, verdict: Verdict, evidence: str) -> None:
    findings = {finding.check: finding for finding in (check(change(HEALTHY)) for check in CHECKS)}
    assert findings[name].verdict is verdict and evidence in findings[name].evidence
    assert findings[name].remedy or verdict in (Verdict.OK, Verdict.UNKNOWN)
    others = {finding.verdict for finding in findings.values() if finding.check != name}
    assert others <= {Verdict.OK, Verdict.WARNING, Verdict.UNKNOWN}, "one cause, one failure"
