"""Kernel, distribution and C library: with the CPU they decide which wheels a board can run."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from harness.facts.base import Fact

_GLIBC = re.compile(r"^(?:glibc|ldd \(.*\)) (\d+)\.(\d+)", re.M)


@dataclass(frozen=True, kw_only=True)
class Kernel:
    system: str  # Linux
    release: str
    machine: str  # aarch64, armv7l, x86_64


@dataclass(frozen=True, kw_only=True)
class Distribution:
    name: str  # debian, ubuntu, alpine
    version: str | None  # 12, 22.04; rolling ones have none
    title: str


@dataclass(frozen=True, kw_only=True)
class Libc:
    kind: str  # glibc, musl, bionic
    version: tuple[int, int] | None  # of glibc


def parse_kernel(text: str) -> Kernel:
    """`uname -srm`."""
    words = text.split()
    if len(words) != 3:
        raise ValueError(f"no kernel, release and machine: {text[:80]!r}")
    return Kernel(system=words[0], release=words[1], machine=words[2])


def parse_distribution(text: str) -> Distribution:
    """`/etc/os-release`, shell assignments."""
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    plain = {key: (shlex.split(value) or [""])[0] for key, value in values.items()}
    if "ID" not in plain:
        raise ValueError(f"no ID in /etc/os-release: {text[:80]!r}")
    return Distribution(
        name=plain["ID"], version=plain.get("VERSION_ID"), title=plain.get("PRETTY_NAME") or plain["ID"]
    )


def parse_libc(text: str) -> Libc:
    """`getconf GNU_LIBC_VERSION`, or what `ldd --version` says, or the mark of Android's linker."""
    if match := _GLIBC.search(text):
        return Libc(kind="glibc", version=(int(match[1]), int(match[2])))
    for kind in ("musl", "bionic"):
        if kind in text:
            return Libc(kind=kind, version=None)
    raise ValueError(f"no C library that we know: {text[:80]!r}")


KERNEL = Fact(name="kernel", command="uname -srm", parse=parse_kernel)
DISTRIBUTION = Fact(name="distribution", command="cat /etc/os-release", parse=parse_distribution)
LIBC = Fact(
    name="C library",
    command="getconf GNU_LIBC_VERSION 2>/dev/null || "
    "{ [ -e /system/bin/linker64 ] && [ ! -e /lib/ld-linux-aarch64.so.1 ] && echo bionic; } || "
    "ldd --version 2>&1 || true",
    parse=parse_libc,
)
