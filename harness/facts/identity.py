"""Which board it is: the device tree's model, a Jetson's L4T release, a Raspberry Pi's revision code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

_L4T = re.compile(
    r"#\s*R(\d+)\s*\(release\),\s*REVISION:\s*([\d.]+)(?:.*?BOARD:\s*([\w-]+))?(?:.*?DATE:\s*(.+?)\s*$)?", re.M
)
_REVISION = re.compile(r"^Revision\s*:\s*(?:1000)?([0-9a-f]{4,6})\s*$", re.M)
_PI_TYPES = {
    0x04: "2B", 0x08: "3B", 0x09: "Zero", 0x0A: "CM3", 0x0C: "Zero W", 0x0D: "3B+", 0x0E: "3A+", 0x10: "CM3+",
    0x11: "4B", 0x12: "Zero 2 W", 0x13: "400", 0x14: "CM4", 0x15: "CM4S", 0x17: "5", 0x18: "CM5", 0x19: "500",
    0x1A: "CM5 Lite",
}  # fmt: skip
_PI_CHIPS = ("BCM2835", "BCM2836", "BCM2837", "BCM2711", "BCM2712")
_SMALLEST_PI_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class L4tRelease:
    """Jetson Linux: 32.x is JetPack 4, 35.x 5, 36.x 6, 38.x and later 7."""

    version: str  # 32.7.1
    board: str | None  # t210ref, generic, ...
    date: str | None


@dataclass(frozen=True, kw_only=True)
class PiRevision:
    """https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#raspberry-pi-revision-codes"""

    code: str
    model: str | None  # 4B, 5, ...; None: an old code, or a model we do not know
    chip: str | None
    memory_bytes: int | None


def parse_model(text: str) -> str:
    """`/proc/device-tree/model` ends with a NUL."""
    model = text.replace("\x00", " ").strip()
    if not model:
        raise ValueError("an empty device-tree model")
    return model


def parse_l4t(text: str) -> L4tRelease:
    match = _L4T.search(text)
    if match is None:
        raise ValueError(f"no L4T release: {text[:80]!r}")
    return L4tRelease(version=f"{match[1]}.{match[2]}", board=match[3], date=match[4])


def parse_pi_revision(text: str) -> PiRevision:
    """`Revision` of /proc/cpuinfo: uuuuuuuu NOQuuuWu FMMMCCCC PPPPTTTT TTTTRRRR, where F marks the new style."""
    match = _REVISION.search(text)
    if match is None:
        raise ValueError("no Revision in /proc/cpuinfo: not a Raspberry Pi")
    bits = int(match[1], 16)
    if not bits >> 23 & 1:
        return PiRevision(code=match[1], model=None, chip=None, memory_bytes=None)
    chip = bits >> 12 & 0xF
    return PiRevision(
        code=match[1],
        model=_PI_TYPES.get(bits >> 4 & 0xFF),
        chip=_PI_CHIPS[chip] if chip < len(_PI_CHIPS) else None,
        memory_bytes=_SMALLEST_PI_BYTES << (bits >> 20 & 0x7),
    )


MODEL = Fact(name="device model", command="cat /proc/device-tree/model", parse=parse_model)
L4T_RELEASE = Fact(name="L4T release", command="cat /etc/nv_tegra_release", parse=parse_l4t)
PI_REVISION = Fact(name="Pi revision", command="cat /proc/cpuinfo", parse=parse_pi_revision)
