"""jtop's service on a Jetson: whether it runs, and which version, for its versions read power differently."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact


@dataclass(frozen=True, kw_only=True)
class Jtop:
    version: str | None
    active: bool


def parse_jtop(text: str) -> Jtop:
    """`jtop --version`, then what `systemctl is-active` says."""
    version = re.search(r"(\d+\.\d+\.\d+)", text)
    states = text.split()
    if version is None and "active" not in states and "inactive" not in states and "failed" not in states:
        raise ValueError(f"neither a version nor a state of jtop: {text[:80]!r}")
    return Jtop(version=version[1] if version else None, active="active" in states)


JTOP = Fact(
    name="jtop",
    command="command -v jtop >/dev/null || exit 127; jtop --version; systemctl is-active jtop.service; true",
    parse=parse_jtop,
)
