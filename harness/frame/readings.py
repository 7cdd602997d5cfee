"""A file of readings as what is sound in it: a line that does not fit is told as a fault of its stream, and left out.

Lines are of the agent's samples, of a sidecar, or of a meter: `{"t_s": 1.5, "sensors": {"<source>/<sensor>/<quantity>":
4.2}}`, `{"about": {"source": ..}}`, `{"fault": {"source": .., "what": ..}}`. Files come from boards whose power was cut
and whose disks were full.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.store import read_records

Row = dict[str, Any]
BOARD, CONTROLLER = "board", "controller"  # clocks
BESIDE_THE_BOARD = re.compile(r"meter\d+")  # the controller's own file, whatever its lines still say


class Line(NamedTuple):
    t_s: float
    sensors: Mapping[str, float]  # keys are <source>/<sensor>/<quantity>


@dataclass(frozen=True, kw_only=True)
class Stream:
    """The readings of one file."""

    clock: str
    about: Mapping[str, Row]  # source -> what it covers
    lines: tuple[Line, ...]
    faults: tuple[str, ...]


def read_stream(file: Path, most_w: float = math.inf) -> Stream:
    """The agent's samples that hold sensors, or all of a sidecar's or a meter's file.

    Watts beyond `most_w` are garbage: such a reading is left out, and the others of its line stay.
    """
    about: dict[str, Row] = {}
    lines, faults = [], []
    unfit: Counter[str] = Counter()
    absurd: Counter[str] = Counter()
    for record in read_records(file):
        try:
            if record is None:
                raise ValueError("no JSON object")
            for source in _abouts(record):
                about[source["source"]] = source
            if "fault" in record:
                faults.append(fault_words(record["fault"]))
            if "sensors" in record:
                line = _line(record)
                beyond = {
                    key for key, value in line.sensors.items() if key.endswith("/power_w") and abs(value) > most_w
                }
                absurd.update(beyond)
                lines.append(Line(line.t_s, {key: line.sensors[key] for key in line.sensors.keys() - beyond}))
        except ValueError as error:
            unfit[str(error)] += 1
    return Stream(
        clock=CONTROLLER if BESIDE_THE_BOARD.fullmatch(file.stem) else BOARD,
        about=about,
        lines=tuple(lines),
        faults=(*faults, *unfit_words(file.stem, unfit), *_absurd_words(absurd, most_w)),
    )


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def fault_words(fault: object) -> str:
    """`source: what`. Raises `ValueError`."""
    if not isinstance(fault, dict) or not all(isinstance(fault.get(name), str) for name in ("source", "what")):
        raise ValueError("a fault without source and what")
    return f"{fault['source']}: {fault['what']}"


def unfit_words(stream: str, unfit: Mapping[str, int]) -> list[str]:
    return [f"{stream}: {count} line{'s' if count > 1 else ''} left out: {why}" for why, count in unfit.items()]


def _absurd_words(absurd: Mapping[str, int], most_w: float) -> list[str]:
    return [
        f"{key}: {count} reading{'s' if count > 1 else ''} left out: more than {most_w:g} W, which no such board draws"
        for key, count in absurd.items()
    ]


def _line(record: Row) -> Line:
    """Raises `ValueError` for what is no reading."""
    t_s, sensors = record.get("t_s"), record["sensors"]
    if not is_number(t_s):
        raise ValueError("a reading without t_s")
    if not isinstance(sensors, dict) or not all(map(is_number, sensors.values())):
        raise ValueError("a reading that is no number")
    if not all(len(key.split("/", 2)) == 3 for key in sensors):
        raise ValueError("a key that is not <source>/<sensor>/<quantity>")
    return Line(float(record["t_s"]), sensors)


def _abouts(record: Row) -> list[Row]:
    """What a record says of its sources: of one, or of all of the agent's. Raises `ValueError`."""
    abouts = [record["about"]] if "about" in record else []
    if "sensors_about" in record:
        every = record["sensors_about"]
        if not isinstance(every, dict) or not all(isinstance(each, dict) for each in every.values()):
            raise ValueError("sensors_about is no table of sources")
        abouts += [{**each, "source": source} for source, each in every.items()]
    for about in abouts:
        if not isinstance(about, dict) or not isinstance(about.get("source"), str):
            raise ValueError("about names no source")
        if not isinstance(about.get("total", []), list) or not isinstance(about.get("fits", {}), dict):
            raise ValueError("about has no list of rails")
    return abouts
