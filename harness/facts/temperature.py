"""Temperatures of the kernel's thermal zones, degrees Celsius."""

from __future__ import annotations

from dataclasses import dataclass

from harness.facts.base import Fact

OFF_C = -200.0  # a Jetson's switched-off sensors read -256
_FIXED = ("pmic",)  # a Jetson's PMIC zone is a constant
_CHIP = ("cpu", "gpu", "soc", "tj", "bcm", "thermal")


@dataclass(frozen=True, kw_only=True)
class Zone:
    name: str
    temperature_c: float | None  # None: switched off, or it would not be read


def parse_zones(text: str) -> tuple[Zone, ...]:
    """Lines of `name millidegrees`; a zone that refused to be read has its name only."""
    return tuple(_zone(line.split()) for line in text.splitlines() if line.strip())


def _zone(words: list[str]) -> Zone:
    if len(words) == 1:
        return Zone(name=words[0], temperature_c=None)
    try:
        celsius = int(words[-1]) / 1000.0
    except ValueError:
        raise ValueError(f"no temperature: {' '.join(words)!r}") from None
    return Zone(name=" ".join(words[:-1]), temperature_c=celsius if celsius > OFF_C else None)


def hottest_c(zones: tuple[Zone, ...]) -> float | None:
    """Of the chip, or of whatever there is; constants and switched-off zones left out. None: nothing known."""
    known = [zone for zone in zones if zone.temperature_c is not None and not zone.name.lower().startswith(_FIXED)]
    chip = [zone for zone in known if zone.name.lower().startswith(_CHIP)]
    return max((zone.temperature_c for zone in chip or known if zone.temperature_c is not None), default=None)


def temperatures(sysfs: str = "/sys") -> Fact[tuple[Zone, ...]]:
    zones = f"{sysfs}/class/thermal/thermal_zone*"
    each = '[ -r $z/type ] || continue; echo "$(cat $z/type) $(cat $z/temp)"'
    return Fact(name="temperatures", command=f"{{ for z in {zones}; do {each}; done; }} 2>/dev/null", parse=parse_zones)
