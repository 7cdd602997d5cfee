"""All that a plan needs to know of a board, asked in one round trip, or assumed where no board is asked."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.board_classes import BOARD_CLASSES
from harness.facts.base import Fact, Found, Runner
from harness.facts.cgroup import CGROUPS, Cgroups
from harness.facts.cpu import CPU, Cpu
from harness.facts.disk import Disk, disk
from harness.facts.gather import gather
from harness.facts.identity import L4T_RELEASE, L4tRelease
from harness.facts.install import Install, install
from harness.facts.interpreters import Interpreter, interpreters
from harness.facts.memory import MEMORY, Memory
from harness.facts.packages import missing_packages
from harness.facts.power_mode import POWER_MODE, POWER_MODES, PowerMode
from harness.facts.rights import RIGHTS_FACT
from harness.facts.swap import SWAPS, Swap
from harness.facts.system import DISTRIBUTION, KERNEL, LIBC, Distribution, Kernel, Libc
from harness.images import Image
from harness.inventory import BoardSpec

DEADLINE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Survey:
    """None: the board has no such thing, or would not say. `faults` has what it said instead."""

    kernel: Kernel | None
    distribution: Distribution | None
    libc: Libc | None
    cpu: Cpu | None
    l4t: L4tRelease | None
    interpreters: tuple[Interpreter, ...]
    memory: Memory | None
    disk: Disk | None
    swaps: tuple[Swap, ...]
    cgroups: Cgroups | None
    power_mode: PowerMode | None
    power_modes: Mapping[str, int]
    rights: str
    missing_packages: tuple[str, ...]
    install: Install
    assumed: bool
    faults: tuple[str, ...]


def facts_for(spec: BoardSpec, image: Image) -> dict[str, Fact[Any]]:
    """The question behind each field of a survey."""
    return {
        "kernel": KERNEL,
        "distribution": DISTRIBUTION,
        "libc": LIBC,
        "cpu": CPU,
        "l4t": L4T_RELEASE,
        "interpreters": interpreters(spec.python),
        "memory": MEMORY,
        "disk": disk(spec.root),
        "swaps": SWAPS,
        "cgroups": CGROUPS,
        "power_mode": POWER_MODE,
        "power_modes": POWER_MODES,
        "rights": RIGHTS_FACT,
        "missing_packages": missing_packages(image.packages),
        "install": install(spec.root),
    }


_WITHOUT_ANSWER: dict[str, Any] = {
    "interpreters": (), "swaps": (), "power_modes": {}, "rights": "none", "missing_packages": (), "install": Install(),
}  # fmt: skip


def survey(runner: Runner, spec: BoardSpec, image: Image) -> Survey:
    """Ask the board. Raises only `Unreachable`."""
    facts = facts_for(spec, image)
    answers = gather(runner, list(facts.values()), DEADLINE_S)
    found: dict[str, Found[Any]] = {field: answers[fact.name] for field, fact in facts.items()}
    values: dict[str, Any] = {
        field: _WITHOUT_ANSWER.get(field) if each.value is None else each.value for field, each in found.items()
    }
    return Survey(**values, assumed=False, faults=tuple(each.fault for each in found.values() if each.fault))


def assumed(spec: BoardSpec, image: Image) -> Survey:
    """A board of that class as the image's README leaves it: fresh, reachable, nothing of ours on it."""
    features = ("atomics",) if BOARD_CLASSES[spec.board_class].atomics else ()
    own = image.interpreter.kind == "controller"
    versions = (sys.version_info[:2],) if own else image.interpreter.versions[:1]
    return Survey(
        kernel=Kernel(system="Linux", release="", machine=image.base.machine),
        distribution=None,
        libc=Libc(kind=image.base.libc, version=image.base.glibc),
        cpu=Cpu(cores=BOARD_CLASSES[spec.board_class].cores, features=features, kinds=()),
        l4t=L4tRelease(version=f"{image.base.l4t[0]}.0", board=None, date=None) if image.base.l4t else None,
        interpreters=tuple(Interpreter(path=spec.python, version=version) for version in versions),
        memory=None,
        disk=None,
        swaps=(),
        cgroups=None,
        power_mode=None,
        power_modes={},
        rights="sudo",
        missing_packages=image.packages,
        install=Install(),
        assumed=True,
        faults=(),
    )
