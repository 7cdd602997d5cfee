"""Swap and zram: with either, running out of memory turns into running slowly."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

_LINE = re.compile(r"^(?P<device>\S+)\s+(?P<kind>\w+)\s+(?P<size>\d+)\s+(?P<used>\d+)\s+(?P<priority>-?\d+)\s*$")


@dataclass(frozen=True, kw_only=True)
class Swap:
    device: str
    kind: str  # partition, file
    size_bytes: int
    used_bytes: int
    priority: int

    @property
    def zram(self) -> bool:
        """Compressed memory: what it holds is still RAM."""
        return "zram" in self.device


def parse_swaps(text: str) -> tuple[Swap, ...]:
    """`/proc/swaps`, kB."""
    lines = text.splitlines()
    if not lines or not lines[0].startswith("Filename"):
        raise ValueError(f"no /proc/swaps: {text[:80]!r}")
    return tuple(_swap(line) for line in lines[1:] if line.strip())


def _swap(line: str) -> Swap:
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"no line of /proc/swaps: {line!r}")
    return Swap(
        device=match["device"].replace("\\040", " "),
        kind=match["kind"],
        size_bytes=int(match["size"]) * 1024,
        used_bytes=int(match["used"]) * 1024,
        priority=int(match["priority"]),
    )


SWAPS = Fact(name="swap", command="cat /proc/swaps", parse=parse_swaps)
