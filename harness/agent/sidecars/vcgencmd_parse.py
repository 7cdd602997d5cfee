"""What a Raspberry Pi's firmware answers through vcgencmd, as values in SI units. Pure."""

import re
from typing import Dict, Union

from ..sources.throttle import pi_flags

Values = Dict[str, Union[int, float]]

# A published fit of a Pi 5's whole power against a meter at its input (pitop.hongjunwu.com/guide/power). One board of
# one owner: fit your own. The sum itself leaves out what the regulators lose and all 5 V loads (USB, HAT, fan).
FIT_SLOPE, FIT_OFFSET_W = 1.1451, 0.5879
FIT_SCOPE = (
    "Raspberry Pi 5 with what its regulators lose, by a published fit: 1.1451 * sum(V * I) + 0.5879 W;"
    " fitted on one board, without loads at 5 V (USB, HAT, fan)"
)

_THROTTLED = re.compile(r"throttled=0x[0-9a-f]+", re.I)
_PMIC = re.compile(r"^\s*(\w+)_([AV])\s+(?:current|volt)\(\d+\)=(-?\d+(?:\.\d+)?)([AV])\s*$", re.M)
_ERROR = re.compile(r'error=\d+\s+error_msg="([^"]*)"')


def error_of(text: str) -> str:
    """The firmware's own complaint, or nothing: vcgencmd ends with 0 all the same."""
    match = _ERROR.search(text)
    return match.group(1) if match else ""


def throttled(text: str) -> Values:
    """`throttled=0x50005`. Raises ValueError where it is something else."""
    match = _THROTTLED.search(text)
    if not match:
        raise ValueError(f"not an answer of get_throttled: {text.strip()[:60]!r}")
    return {f"throttle/{name}": flag for name, flag in pi_flags(match.group(0)).items()}


def pmic(text: str) -> Values:
    """Volt, ampere and watt per rail, their sum, and the published fit of it. Raises ValueError where no rail is told.

    Rails with a voltage only (EXT5V, BATT) have no power, and are not in the sum.
    """
    volts: Dict[str, float] = {}
    amperes: Dict[str, float] = {}
    for rail, kind, number, unit in _PMIC.findall(text):
        if kind == unit:
            (volts if kind == "V" else amperes)[rail] = float(number)
    both = [rail for rail in volts if rail in amperes]
    if not both:
        raise ValueError(f"not an answer of pmic_read_adc: {text.strip()[:60]!r}")
    values: Values = {f"{rail}/voltage_v": value for rail, value in volts.items()}
    values.update({f"{rail}/current_a": amperes[rail] for rail in both})
    values.update({f"{rail}/power_w": round(volts[rail] * amperes[rail], 6) for rail in both})
    total_w = sum(volts[rail] * amperes[rail] for rail in both)
    values["pmic_rails/power_w"] = round(total_w, 6)
    values["board_by_published_fit/power_w"] = round(FIT_SLOPE * total_w + FIT_OFFSET_W, 6)
    return values
