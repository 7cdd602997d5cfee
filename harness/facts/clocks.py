"""Clocks and their governors: a Jetson's own listing, and cpufreq everywhere else. All in Hz."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import NO_SUCH_PROGRAM, Fact

_CLOCK = re.compile(
    r"^(?P<name>cpu\d+|GPU|EMC|\w+)\s*:?\s+(?:Online=(?P<online>[01]) )?(?:Gov?n?vernor=(?P<governor>\S+) )?"
    r"MinFreq=(?P<min>\d+) MaxFreq=(?P<max>\d+) CurrentFreq=(?P<current>\d+)"
)


@dataclass(frozen=True, kw_only=True)
class Clock:
    name: str  # cpu0, GPU, EMC, DLA0_CORE, ...
    online: bool
    governor: str | None
    min_hz: int
    max_hz: int
    current_hz: int

    @property
    def locked(self) -> bool:
        """Whether it has no choice. A memory clock is locked by an override that this does not show."""
        return self.min_hz == self.max_hz


@dataclass(frozen=True, kw_only=True)
class CpuPolicy:
    """One CPU's cpufreq folder."""

    cpu: int
    governor: str
    min_hz: int
    max_hz: int
    hardware_max_hz: int
    available: tuple[str, ...]  # governors


def parse_jetson_clocks(text: str) -> tuple[Clock, ...]:
    """`jetson_clocks --show`: CPUs in kHz, all else in Hz."""
    clocks = tuple(_clock(match) for line in text.splitlines() if (match := _CLOCK.match(line.strip())))
    if not clocks:
        raise ValueError(f"no clock in {text[:80]!r}")
    return clocks


def _clock(match: re.Match[str]) -> Clock:
    scale = 1000 if match["name"].startswith("cpu") else 1
    return Clock(
        name=match["name"],
        online=match["online"] != "0",
        governor=match["governor"],
        min_hz=int(match["min"]) * scale,
        max_hz=int(match["max"]) * scale,
        current_hz=int(match["current"]) * scale,
    )


def locked(clocks: tuple[Clock, ...]) -> bool:
    """Whether CPUs and GPU run at one frequency each."""
    return all(clock.locked for clock in clocks if clock.online and clock.name.startswith(("cpu", "GPU")))


def parse_policies(text: str) -> tuple[CpuPolicy, ...]:
    """Lines of `cpuN governor min max hardware_max governors...`, kHz. None at all where cpufreq is missing."""
    return tuple(_policy(line.split()) for line in text.splitlines() if line.strip())


def _policy(words: list[str]) -> CpuPolicy:
    if len(words) < 5 or not words[0].startswith("cpu"):
        raise ValueError(f"no cpufreq line: {' '.join(words)!r}")
    low, high, hardware = (int(word) * 1000 for word in words[2:5])
    return CpuPolicy(
        cpu=int(words[0][3:]),
        governor=words[1],
        min_hz=low,
        max_hz=high,
        hardware_max_hz=hardware,
        available=tuple(words[5:]),
    )


def jetson_clocks(sudo: str = "sudo -n ") -> Fact[tuple[Clock, ...]]:
    """Shows its EMC line to root only. Where sudo stands before it, its own code for a missing program is 1."""
    command = f"command -v jetson_clocks >/dev/null || exit {NO_SUCH_PROGRAM}; {sudo}jetson_clocks --show"
    return Fact(name="jetson_clocks", command=command, parse=parse_jetson_clocks)


def cpu_policies(sysfs: str = "/sys") -> Fact[tuple[CpuPolicy, ...]]:
    files = ("governor", "min_freq", "max_freq", "available_governors")
    governor, low, high, available = (f"$p/scaling_{file}" for file in files)
    command = (
        f"cd {sysfs}/devices/system/cpu && for c in cpu[0-9]*; do p=$c/cpufreq; [ -r {governor} ] || continue; "
        f"echo $c $(cat {governor} {low} {high} $p/cpuinfo_max_freq {available}); done"
    )
    return Fact(name="cpufreq", command=command, parse=parse_policies)
