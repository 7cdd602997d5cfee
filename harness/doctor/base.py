"""A finding, and what a check may look at."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

from harness.facts.android import Android
from harness.facts.base import Found
from harness.facts.clock_sync import ClockSync
from harness.facts.link import Link
from harness.facts.sensors import SensorReading
from harness.facts.temperature import Zone
from harness.facts.throttle import Throttle
from harness.facts.torch_build import TorchBuild
from harness.facts.users import Activity, Lease
from harness.images import Image
from harness.inventory import BoardSpec
from harness.provision.plan import Plan
from harness.provision.survey import Survey


class Verdict(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"  # a run is possible; its report will lack or doubt something
    FAILED = "failed"  # a run is not possible, or would not mean what it says
    UNKNOWN = "unknown"  # it could not be found out; not a failure of the board


@dataclass(frozen=True, kw_only=True)
class Finding:
    check: str
    verdict: Verdict
    evidence: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A board that answers, and all that was asked of it."""

    spec: BoardSpec
    image: Image
    survey: Survey
    plan: Plan  # what provisioning would do now
    clock: Found[ClockSync]
    clock_offset_s: float | None  # board's wall clock minus ours
    activity: Found[Activity]
    lease: Found[Lease]
    throttled: Found[Throttle]
    zones: Found[tuple[Zone, ...]]
    torch: Found[TorchBuild]
    sensors: Found[SensorReading]
    link: Found[Link]
    android: Found[Android]


Check = Callable[[Patient], Finding]


def ok(check: str, evidence: str) -> Finding:
    return Finding(check=check, verdict=Verdict.OK, evidence=evidence)


def warning(check: str, evidence: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.WARNING, evidence=evidence, remedy=remedy)


def failed(check: str, evidence: str, remedy: str) -> Finding:
    return Finding(check=check, verdict=Verdict.FAILED, evidence=evidence, remedy=remedy)


def unknown(check: str, evidence: str, remedy: str = "") -> Finding:
    return Finding(check=check, verdict=Verdict.UNKNOWN, evidence=evidence, remedy=remedy)
