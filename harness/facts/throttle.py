"""What slowed a board down, or was about to: a Raspberry Pi's word on its supply and its heat, now and since it booted,
and the flags that an agent saw raised while it sampled. The names of flags are the agent's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.agent.sources.throttle import PI_FLAGS, SINCE_BOOT
from harness.facts.base import Fact

_SINCE_BOOT_BIT = 16
_SOURCE = "throttle/"  # of the agent's readings: throttle/<place>/<flag>


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
        now=tuple(flag for bit, flag in enumerate(PI_FLAGS) if bits >> bit & 1),
        since_boot=tuple(flag for bit, flag in enumerate(PI_FLAGS, _SINCE_BOOT_BIT) if bits >> bit & 1),
    )


def throttled_between(before: Throttle, after: Throttle) -> tuple[str, ...]:
    """What spoils a run: whatever holds at either end, or came up since the start.

    What came up a second time since boot does not show here, but in the agent's samples.
    """
    spoiled = {*before.now, *after.now, *(set(after.since_boot) - set(before.since_boot))}
    return tuple(flag for flag in PI_FLAGS if flag in spoiled)


def raised_in(readings: Iterable[Mapping[str, float]]) -> tuple[str, ...] | None:
    """Flags that an agent saw raised, sorted. One since boot counts where it came up on the way. None: no such sensor.

    `readings`: those under "sensors", in the order of time; other sensors are passed over.
    """
    first: dict[str, float] = {}
    raised = set()
    for reading in readings:
        for key, value in reading.items():
            if key.startswith(_SOURCE):
                began = first.setdefault(key, value)
                if value > (began if key.endswith(SINCE_BOOT) else 0):
                    raised.add(key.rpartition("/")[2].removesuffix(SINCE_BOOT))
    return tuple(sorted(raised)) if first else None


def in_words(flags: Iterable[str]) -> str:
    return ", ".join(flag.replace("_", " ") for flag in flags)


THROTTLED = Fact(name="throttle flags", command="vcgencmd get_throttled", parse=parse_throttled)
