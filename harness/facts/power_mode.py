"""The power mode of a Jetson. Its number means another mode on another module: modes go by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.facts.base import Fact

_NAME = re.compile(r"^NV Power Mode\s*:\s*(\S.*?)\s*$")
_MODE = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>")


@dataclass(frozen=True, kw_only=True)
class PowerMode:
    name: str  # MAXN, 5W, MAXN_SUPER, MODE_15W_6CORE, ...
    number: int | None


def parse_mode(text: str) -> PowerMode:
    """`nvpmodel -q`: the name, on the next line the number; warnings may stand before."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        named = _NAME.match(line.strip())
        if named:
            after = lines[index + 1].strip() if index + 1 < len(lines) else ""
            return PowerMode(name=named[1], number=int(after) if after.isdigit() else None)
    raise ValueError(f"no power mode in {text[:80]!r}")


def parse_modes(text: str) -> Mapping[str, int]:
    """`/etc/nvpmodel.conf`: numbers by name."""
    modes = {name: int(number) for number, name in _MODE.findall(text)}
    if not modes:
        raise ValueError("no POWER_MODEL in /etc/nvpmodel.conf")
    return modes


POWER_MODE = Fact(name="power mode", command="nvpmodel -q", parse=parse_mode)
POWER_MODES = Fact(name="power modes", command="cat /etc/nvpmodel.conf", parse=parse_modes)
