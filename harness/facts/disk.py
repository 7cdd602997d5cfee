"""Space where our files lie on the board, bytes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.facts.base import Fact


@dataclass(frozen=True, kw_only=True)
class Disk:
    size_bytes: int
    free_bytes: int
    mounted_on: str


def parse_df(text: str) -> Disk:
    """`df -Pk DIR`: a head and one line; the device's name may hold blanks, so columns count from the percent sign."""
    lines = [line for line in text.splitlines() if "%" in line and "/" in line]
    words = lines[-1].split() if lines else []
    percent = next((index for index, word in enumerate(words) if word.endswith("%")), 0)
    if percent < 3:
        raise ValueError(f"no line of df: {text[-80:]!r}")
    size, _, free = (int(word) * 1024 for word in words[percent - 3 : percent])
    return Disk(size_bytes=size, free_bytes=free, mounted_on=" ".join(words[percent + 1 :]))


def disk(root: str) -> Fact[Disk]:
    """`root` relative to the login's home; before it exists, the home itself."""
    command = f"df -Pk {shlex.quote(root)} 2>/dev/null || df -Pk ."
    return Fact(name="disk", command=command, parse=parse_df)
