"""One line of tegrastats as values in SI units: JetPack 4 to 7, token by token, upper or lower case. Pure.

Keys are "<sensor>/<quantity_unit>". What a line does not say, or says is off, is absent.
"""

import re
from typing import Dict, List, Union

Values = Dict[str, Union[int, float]]

_MIB, _KIB = 1024 * 1024, 1024
_BYTES = {"kb": _KIB, "mb": _MIB, "gb": 1024 * _MIB}
_ABSOLUTE_ZERO_ISH_C = -256  # what a thermal zone that is switched off reports

_MEMORY = re.compile(r"(?<!\S)(RAM|SWAP|IRAM) (\d+)/(\d+)([kMG]B)\s*(?:\(([^)]*)\))?", re.I)
_CACHED = re.compile(r"cached (\d+)([kMG]B)", re.I)
_LARGEST = re.compile(r"lfb (?:(\d+)x)?(\d+)([kMG]B)", re.I)
_CPU = re.compile(r"(?<!\S)CPU \[([^\]]*)\]", re.I)
_CORE = re.compile(r"(\d+)%(?:@(\d+))?$")
_ENGINE = re.compile(r"(?<!\S)(\w+)_FREQ (?:(\d+)%)?(?:@(?:\[([\d,]+)\]|(\d+)))?(?!\S)", re.I)
_TEMPERATURE = re.compile(r"(?<!\S)([A-Za-z][\w.-]*)@(-?\d+(?:\.\d+)?)C", re.I)
_POWER = re.compile(r"(?<!\S)([A-Za-z]\w*) (-?\d+)(mW)?/-?\d+(?:mW)?(?:/-?\d+(?:mW)?)?(?!\S)", re.I)
_ENGINE_NAMES = {"gr3d": "gpu"}


def parse(line: str) -> Values:
    """Empty where nothing on the line is ours."""
    values: Values = {}
    _memory(line, values)
    for cores in _CPU.findall(line)[:1]:
        for number, text in enumerate(cores.split(",")):
            _core(number, text.strip(), values)
    for name, load, clocks, clock in _ENGINE.findall(line):
        _engine(_ENGINE_NAMES.get(name.lower(), name.lower()), load, (clocks or clock).split(","), values)
    for name, degrees in _TEMPERATURE.findall(line):
        if float(degrees) > _ABSOLUTE_ZERO_ISH_C:
            values[f"{name.lower()}/temperature_c"] = float(degrees)
    for rail, now, _ in _POWER.findall(line):  # the second figure is an average since its start: not ours
        values[f"{rail.upper()}/power_w"] = int(now) / 1000.0
    return values


def rails_in(values: Values) -> List[str]:
    return sorted(key.split("/")[0] for key in values if key.endswith("/power_w"))


def _memory(line: str, values: Values) -> None:
    for name, used, size, unit, rest in _MEMORY.findall(line):
        key, scale = name.lower(), _BYTES[unit.lower()]
        values[f"{key}/used_bytes"] = int(used) * scale
        values[f"{key}/total_bytes"] = int(size) * scale
        for cached, its_unit in _CACHED.findall(rest):
            values[f"{key}/cached_bytes"] = int(cached) * _BYTES[its_unit.lower()]
        for count, block, its_unit in _LARGEST.findall(rest):
            values[f"{key}/largest_free_block_bytes"] = int(block) * _BYTES[its_unit.lower()]
            if count:
                values[f"{key}/largest_free_blocks"] = int(count)


def _core(number: int, text: str, values: Values) -> None:
    match = _CORE.match(text)  # else it is "off"
    if match:
        values[f"cpu{number}/load_share"] = int(match.group(1)) / 100.0
        if match.group(2):
            values[f"cpu{number}/frequency_hz"] = int(match.group(2)) * 10**6


def _engine(name: str, load: str, clocks: List[str], values: Values) -> None:
    """A list of clocks is one per cluster of the GPU; `frequency_hz` is then the highest."""
    if load:
        values[f"{name}/load_share"] = int(load) / 100.0
    megahertz = [int(clock) for clock in clocks if clock]
    if megahertz:
        values[f"{name}/frequency_hz"] = max(megahertz) * 10**6
    if len(megahertz) > 1:
        for number, clock in enumerate(megahertz):
            values[f"{name}{number}/frequency_hz"] = clock * 10**6
