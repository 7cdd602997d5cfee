"""Packages of Debian's package manager that a board lacks."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from harness.facts.base import Fact


def parse_missing(text: str) -> tuple[str, ...]:
    """One name a line."""
    return tuple(text.split())


def missing_packages(names: Sequence[str]) -> Fact[tuple[str, ...]]:
    """Of `names`. Absent where there is no dpkg."""
    words = " ".join(shlex.quote(name) for name in names)
    command = (
        "command -v dpkg-query >/dev/null || exit 127; "
        f"for p in {words}; do "
        "dpkg-query -W -f '${Status}' \"$p\" 2>/dev/null | grep -q 'ok installed' || echo \"$p\"; done; true"
    )
    return Fact(name="missing packages", command=command, parse=parse_missing)
