"""Where a Jetson shows its power rails, and which of them make up the whole without counting anything twice.

Rails are told by their names and not by the board's model text, which differs from one release to the next.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from .rails import RailFiles
from .sources import About, found, line, open_if_there

_NO_CHANNEL = ("", "NC")


class _Rule(NamedTuple):
    total: Tuple[str, ...]
    scope: str
    not_covered: str
    carrier: Tuple[str, ...] = ()  # a supply of its own beside the total
    twice: Tuple[Tuple[str, str], ...] = ()  # (rail, the rail that already holds it)


# The first whose rails are all there holds.
_RULES = (
    _Rule(("VIN",), "board", "losses of the external supply"),  # Thor, by the INA238 on the carrier
    _Rule(("VDD_IN",), "module", "carrier board, drives on its own supplies, fan", ("VDD_MUX",)),
    _Rule(("POM_5V_IN",), "module", "carrier board and what its USB ports supply"),  # Nano
    _Rule(  # AGX Orin
        ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        "module",
        "carrier board",
        twice=(("VDDQ_VDD2_1V8AO", "VIN_SYS_5V0"),),
    ),
    _Rule(("GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"), "module", "carrier board"),  # AGX Xavier: no parent rail
)
_ERROR = "+-5 % by the vendor"


def total_of(names: Sequence[str]) -> Tuple[Tuple[str, ...], About]:
    """The rails that add up to the whole (none where no rule knows them), and what to say about it."""
    for rule in _RULES:
        if set(rule.total) <= set(names):
            about: About = {
                "scope": rule.scope,
                "total": list(rule.total),
                "not_covered": rule.not_covered,
                "error": _ERROR,
            }
            carrier = [name for name in names if name in rule.carrier]
            if carrier:
                about["carrier"] = carrier
            not_added = _not_added(rule, names)
            if not_added:
                about["not_added"] = not_added
            return rule.total, about
    return (), {"scope": "single rails", "total": [], "error": _ERROR, "why": "no rule says what these add up to"}


def _not_added(rule: _Rule, names: Sequence[str]) -> Dict[str, str]:
    reasons = {rail: f"fed from {holder}, would count twice" for rail, holder in rule.twice}
    if len(rule.total) == 1:
        reasons.update((name, f"not beside {rule.total[0]}") for name in names if name not in rule.total)
    return {name: reasons[name] for name in names if name in reasons and name not in rule.carrier}


def rails(root: str) -> List[RailFiles]:
    """All rails of all chips, one for each name."""
    listed: List[RailFiles] = []
    for chip in chips(root):
        listed += _iio(chip) + _hwmon(root, chip) + _input(chip)
    return list({rail.name: rail for rail in reversed(listed)}.values())[::-1]


def chips(root: str) -> List[str]:
    """Folders of the INA3221 chips; where there are any, those of the INA238 on a Thor's carrier too."""
    bus = "sys/bus/i2c/"
    ina3221 = found(root, bus + "drivers/ina3221x/*-*", bus + "drivers/ina3221/*-*")
    ina3221 += [d for d in found(root, bus + "devices/*-*") if line(d, "name") in ("ina3221", "ina3221x")]
    ina238 = found(root, bus + "drivers/ina238/*-*") if ina3221 else []
    once: Dict[str, str] = {}
    for folder in ina3221 + ina238:
        once.setdefault(os.path.realpath(folder), folder)
    return list(once.values())


def _iio(chip: str) -> List[RailFiles]:
    """JetPack 4: driver ina3221x, numbered from 0."""
    listed = []
    for label in found(chip, "iio[:_]device*/rail_name_*"):
        folder, number = os.path.dirname(label), label.rpartition("_")[2]
        if line(label) not in _NO_CHANNEL:
            voltage, current = (f"{folder}/in_{what}{number}_input" for what in ("voltage", "current"))
            listed.append(RailFiles(line(label), os.path.basename(chip), voltage, current))
    return listed


def _hwmon(root: str, chip: str) -> List[RailFiles]:
    """JetPack 5 and later: mainline driver, numbered from 1; in7 is a sum of shunt voltages and no rail."""
    listed = []
    for label in found(chip, "hwmon/hwmon*/in[123]_label"):
        folder, number = os.path.dirname(label), os.path.basename(label)[2]
        voltage, current = f"{folder}/in{number}_input", f"{folder}/curr{number}_input"
        if line(label) not in _NO_CHANNEL and _answers(root, current):
            shunt_uohm = line(folder, f"shunt{number}_resistor")
            listed.append(
                RailFiles(
                    line(label),
                    os.path.basename(chip),
                    voltage,
                    current,
                    max_alarm=f"{folder}/curr{number}_max_alarm",
                    crit_alarm=f"{folder}/curr{number}_crit_alarm",
                    shunt_ohm=int(shunt_uohm) * 1e-6 if shunt_uohm.isdigit() else None,
                )
            )
    return listed


def _answers(root: str, path: str) -> bool:
    """A channel that is switched off has its files, but they give ENODATA."""
    opened = open_if_there(root, path)
    if opened is None:
        return False
    try:
        opened.read()
        return True
    except OSError:
        return False
    finally:
        opened.close()


def _input(chip: str) -> List[RailFiles]:
    """Thor: the INA238 measures the carrier's input."""
    power: Optional[str] = next(iter(found(chip, "hwmon/hwmon*/power1_input")), None)
    return [RailFiles("VIN", os.path.basename(chip), power=power)] if power else []
