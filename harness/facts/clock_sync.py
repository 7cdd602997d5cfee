"""Whether the board's wall clock can be right: a battery-backed clock, and a server that sets it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.facts.base import Fact


@dataclass(frozen=True, kw_only=True)
class ClockSync:
    wall_s: float  # seconds since 1970, when the board was asked
    has_rtc: bool
    synchronised: bool | None  # by NTP; None: nobody there to tell


def parse_clock(text: str) -> ClockSync:
    """Lines `wall SECONDS`, `rtc NAME` where there is one, `ntp yes|no` where timedatectl tells."""
    lines = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    try:
        wall_s = float(lines["wall"])
    except (KeyError, ValueError):
        raise ValueError(f"no wall clock: {text[:80]!r}") from None
    ntp = lines.get("ntp")
    return ClockSync(wall_s=wall_s, has_rtc="rtc" in lines, synchronised=None if ntp is None else ntp == "yes")


CLOCK_SYNC = Fact(
    name="clock",
    command="[ -e /sys/class/rtc/rtc0 ] && echo rtc rtc0; "
    'n=$(timedatectl show -p NTPSynchronized --value 2>/dev/null) && [ -n "$n" ] && echo ntp $n; '
    "case $(date +%N) in *N*) echo wall $(date +%s);; *) echo wall $(date +%s.%N);; esac",
    parse=parse_clock,
)
