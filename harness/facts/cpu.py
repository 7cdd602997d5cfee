"""The CPU: how many cores, and whether it has LSE atomics, which some builds of torch cannot do without."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

_FEATURES = re.compile(r"^(?:Features|flags)\s*:\s*(.*)$", re.M)
_PART = re.compile(r"^CPU part\s*:\s*(0x[0-9a-f]+)\s*$", re.M)
# Arm's MIDR part numbers, of the cores in our boards.
_CORES = {0xD03: "Cortex-A53", 0xD07: "Cortex-A57", 0xD08: "Cortex-A72", 0xD0B: "Cortex-A76", 0xD42: "Cortex-A78AE",
          0x003: "Denver2", 0x004: "Carmel"}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cpu:
    cores: int
    features: tuple[str, ...]  # that every core has, sorted
    kinds: tuple[str, ...]  # Cortex-A57, ...; a part that we do not know by its number; empty on x86

    @property
    def lse_atomics(self) -> bool:
        """Armv8.1's atomic instructions; x86 has no need of them."""
        return "atomics" in self.features


def parse_cpuinfo(text: str) -> Cpu:
    """`/proc/cpuinfo`: one block a core."""
    blocks = [set(match.split()) for match in _FEATURES.findall(text)]
    if not blocks:
        raise ValueError("no Features or flags in /proc/cpuinfo")
    parts = [int(part, 16) for part in _PART.findall(text)]
    return Cpu(
        cores=len(blocks),
        features=tuple(sorted(set.intersection(*blocks))),
        kinds=tuple(sorted({_CORES.get(part, f"part 0x{part:03x}") for part in parts})),
    )


CPU = Fact(name="CPU", command="cat /proc/cpuinfo", parse=parse_cpuinfo)
