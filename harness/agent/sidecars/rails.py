"""Which rails make up a Jetson's whole-board figure. Known by the rails' names alone, as tegrastats and jtop give them.

jtop's own total adds all rails where none is a parent: on AGX Orin that counts VDDQ_VDD2_1V8AO twice, since it is fed
from VIN_SYS_5V0 (15 W instead of 7 for rails of 1, 2, 4 and 8 W).
"""

from typing import Dict, Iterable, NamedTuple, Optional, Tuple


class Total(NamedTuple):
    rails: Tuple[str, ...]
    scope: str


# First match wins; a rule matches when all its rails are there.
_RULES = (
    Total(("VIN",), "carrier board input, with the module"),
    Total(("POM_5V_IN",), "module input"),
    Total(("VDD_IN",), "module input, without the carrier board"),
    Total(("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"), "module, without the carrier board"),
    Total(("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), "module, without the carrier board"),
)


def total_of(rails: Iterable[str]) -> Optional[Total]:
    """None: these rails do not make up a board, as far as we know."""
    there = set(rails)
    return next((rule for rule in _RULES if there.issuperset(rule.rails)), None)


def board_power_w(total: Optional[Total], power_w: Dict[str, float]) -> Optional[float]:
    """The sum, or None where one of its rails is missing: never a part of it."""
    if total is None or not all(rail in power_w for rail in total.rails):
        return None
    return round(sum(power_w[rail] for rail in total.rails), 6)


def describe(total: Optional[Total]) -> Dict[str, object]:
    """For the `about` line."""
    return {
        "scope": total.scope if total else "single rails; which of them make up the board is not known",
        "rails_in_total": list(total.rails) if total else [],
    }
