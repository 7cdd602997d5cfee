"""A Raspberry Pi's word on its supply and its heat: what holds now, and what has held since it booted."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.facts.base import Fact

FLAGS = ("under-voltage", "frequency capped", "throttled", "soft temperature limit")  # bits 0-3; since boot: 16-19
_SINCE_BOOT = 16


@dataclass(frozen=True, kw_only=True)
class Throttle:
    now: tuple[str, ...]
    since_boot: tuple[str, ...]


def parse_throttled(text: str) -> Throttle:
    """`throttled=0x50005` of vcgencmd, or the bare hexadecimal number of sysfs."""
    match = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]+)", text.strip())
    if match is None:
        raise ValueError(f"no throttle flags: {text[:80]!r}")
    bits = int(match[1], 16)
    return Throttle(
        now=tuple(flag for bit, flag in enumerate(FLAGS) if bits >> bit & 1),
        since_boot=tuple(flag for bit, flag in enumerate(FLAGS, _SINCE_BOOT) if bits >> bit & 1),
    )


def throttled_between(before: Throttle, after: Throttle) -> tuple[str, ...]:
    """What spoils a run: whatever holds at either end, or came up since the start."""
    spoiled = {*before.now, *after.now, *(set(after.since_boot) - set(before.since_boot))}
    return tuple(flag for flag in FLAGS if flag in spoiled)


THROTTLED = Fact(name="throttle flags", command="vcgencmd get_throttled", parse=parse_throttled)
