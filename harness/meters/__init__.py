"""External meters, polled by the controller. A new one is a file and a line in METERS.

An inventory names them by address: `shelly1://host`, `shelly2://host?id=0`, `tasmota://host`, `kasa://host`,
`csv:path?time=..&power=..`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from harness.errors import BadInput, Problem, nearest
from harness.meters.base import Meter, MeterFault, Reading
from harness.meters.csv_file import QUANTITIES, CsvFile, column
from harness.meters.kasa import Kasa
from harness.meters.shelly_gen1 import ShellyGen1
from harness.meters.shelly_gen2 import ShellyGen2
from harness.meters.tasmota import Tasmota

__all__ = ["METERS", "Meter", "MeterFault", "Reading", "below", "meter", "outlet", "parse_meter"]

# scheme -> the class, and the whole numbers it may be given
METERS: dict[str, tuple[Callable[..., Meter], tuple[str, ...]]] = {
    "shelly1": (ShellyGen1, ("meter",)),
    "shelly2": (ShellyGen2, ("id",)),
    "tasmota": (Tasmota, ("channel",)),
    "kasa": (Kasa, ()),
    "csv": (CsvFile, QUANTITIES),
}


def meter(text: str) -> Meter:
    """The meter that the text names. Raises `BadInput` with every mistake."""
    parsed, problems = parse_meter(text, "meter")
    if parsed is None:
        raise BadInput(text, problems)
    return parsed


def outlet(parsed: Meter) -> str:
    """What it measures, however it was written: equal for two meters that are one."""
    return repr((type(parsed).__name__, {**vars(parsed), "name": ""}))


def below(folder: Path, text: str) -> str:
    """The same meter, a file's path taken from the folder."""
    scheme, _, rest = text.partition(":")
    if METERS[scheme][0] is not CsvFile:
        return text
    file, mark, query = rest.partition("?")
    return f"{scheme}:{quote(str(folder / Path(unquote(file)).expanduser()))}{mark}{query}"


def parse_meter(text: str, path: str) -> tuple[Meter | None, list[Problem]]:
    """The meter, or None and every mistake at its `path`. Nothing is asked of the network."""
    scheme, colon, rest = text.partition(":")
    if scheme not in METERS or not colon:
        known = sorted(METERS)
        return None, [Problem(path=path, what=f"unknown meter {scheme!r}", remedy=nearest(scheme, known))]
    make, allowed = METERS[scheme]
    address, query, problems = _split(text, rest, path)
    options = _options(query, allowed, path, problems)
    if make is CsvFile:
        fields = _csv(address, options, path, problems)
    else:
        fields = _network(text, make is Kasa, options, path, problems)
    return (make(name=text, **fields), []) if not problems else (None, problems)


def _split(text: str, rest: str, path: str) -> tuple[str, str, list[Problem]]:
    address, _, query = rest.partition("?")
    problems = []
    if "#" in text or any(c.isspace() and c != " " for c in text):
        problems.append(Problem(path=path, what="'#' and line breaks have no meaning here", remedy="write %23 for #"))
    return address, query, problems


def _options(query: str, allowed: Sequence[str], path: str, problems: list[Problem]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        key, _, value = part.partition("=")
        if key not in allowed:
            problems.append(Problem(path=path, what=f"unknown option {key!r}", remedy=nearest(key, sorted(allowed))))
        elif key in options:
            problems.append(Problem(path=path, what=f"{key!r} is given twice", remedy="keep one of them"))
        else:
            options[key] = unquote(value)
    return options


def _network(
    text: str, without_port: bool, options: Mapping[str, str], path: str, problems: list[Problem]
) -> dict[str, Any]:
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
    except ValueError as error:
        problems.append(Problem(path=path, what=f"no address: {error}", remedy="for example `shelly2://192.0.2.40`"))
        return {}
    if not host or not text.partition(":")[2].startswith("//"):
        problems.append(Problem(path=path, what="no host", remedy="for example `shelly2://192.0.2.40?id=0`"))
    if url.username is not None:
        problems.append(Problem(path=path, what="a user in the address", remedy="meters are asked without a password"))
    if host and url.path.strip("/"):
        problems.append(Problem(path=path, what=f"a path {url.path!r}", remedy="leave it out; options go behind ?"))
    if without_port and port is not None:
        problems.append(Problem(path=path, what="a port", remedy="leave it out; the plug's own is known"))
    fields: dict[str, Any] = {}
    for key, value in options.items():
        if not (value.isascii() and value.isdigit()):
            problems.append(Problem(path=path, what=f"{key}={value!r} is not a whole number", remedy=f"{key}=0"))
        else:
            fields[key] = int(value)
    literal = f"[{host}]" if ":" in host else host
    return {**fields, "host": literal if port is None else f"{literal}:{port}"}


def _csv(file: str, options: Mapping[str, str], path: str, problems: list[Problem]) -> dict[str, Any]:
    columns = {}
    for quantity, value in options.items():
        try:
            columns[quantity] = column(quantity, value)
        except ValueError as error:
            problems.append(Problem(path=path, what=f"no unit in {quantity}={value!r}", remedy=str(error)))
    if not file:
        problems.append(Problem(path=path, what="no file", remedy="csv:trace.csv?time=t&power=P:mW"))
    if "time" not in options:
        problems.append(Problem(path=path, what="no column for the time", remedy="time=<column>:<unit>"))
    if not ({"power", "energy"} & set(options) or {"voltage", "current"} <= set(options)):
        remedy = "power=<column>:<unit>, or energy, or voltage and current"
        problems.append(Problem(path=path, what="no column for power", remedy=remedy))
    return {"path": Path(unquote(file)).expanduser(), "columns": columns}
