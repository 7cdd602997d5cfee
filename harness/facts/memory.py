"""Memory of the board, bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

_LINE = re.compile(r"^(\w+):\s+(\d+) kB$", re.M)


@dataclass(frozen=True, kw_only=True)
class Memory:
    total_bytes: int
    available_bytes: int


def parse_meminfo(text: str) -> Memory:
    """`/proc/meminfo`, kB."""
    values = {name: int(number) * 1024 for name, number in _LINE.findall(text)}
    try:
        return Memory(total_bytes=values["MemTotal"], available_bytes=values["MemAvailable"])
    except KeyError as error:
        raise ValueError(f"no {error.args[0]} in /proc/meminfo") from None


MEMORY = Fact(name="memory", command="cat /proc/meminfo", parse=parse_meminfo)
