"""Everything that a board left of one cell, read once: the worker's events, the agent's samples, and the readings of
sidecars and meters, each on its own clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from harness.clock import ClockMap, ClockReading, clock_map
from harness.store import read_json, read_lines

Row = dict[str, Any]
SAMPLES = "samples.jsonl"
BOARD, CONTROLLER = "board", "controller"  # clocks
RESTS = ("rest_before", "rest_after")
_NO_READINGS = {"events.jsonl", SAMPLES}


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


@dataclass(frozen=True, kw_only=True)
class Rest:
    """The board with nothing to do, before or after the cell."""

    start_s: float  # board's clock
    end_s: float
    streams: tuple[Stream, ...]


@dataclass(frozen=True, kw_only=True)
class BoardTrace:
    """One board in one cell. What is not there is empty."""

    events: tuple[Row, ...]
    samples: tuple[Row, ...]
    exit_facts: Mapping[str, Any]
    streams: tuple[Stream, ...]
    rests: tuple[Rest | None, Rest | None]  # before, after
    clock: ClockMap | None

    @property
    def rounds_window(self) -> tuple[float, float] | None:
        """From the beginning of the first measured round to the end of the last, on the board's clock."""
        ends = [(event["t_s"] - event["round_s"], event["t_s"]) for event in self.events if event["event"] == "round"]
        return (ends[0][0], ends[-1][1]) if ends else None

    @property
    def faults(self) -> tuple[str, ...]:
        """Of the agent and its sidecars and meters, in words."""
        own = [f"{fault['source']}: {fault['what']}" for fault in self.exit_facts.get("faults", ())]
        return (*own, *(fault for stream in self.streams for fault in stream.faults))


def read_trace(raw: Path, clock: list[Row]) -> BoardTrace:
    """`clock`: the readings in cell.json."""
    samples = tuple(sample for sample in read_lines(raw / SAMPLES) if "t_s" in sample)
    readings = [ClockReading(**reading) for reading in clock]
    return BoardTrace(
        events=tuple(read_lines(raw / "events.jsonl")),
        samples=samples,
        exit_facts=_exit_facts(raw),
        streams=tuple(_streams(raw)),
        rests=(_rest(raw / RESTS[0]), _rest(raw / RESTS[1])),
        clock=clock_map(readings) if readings else None,
    )


def _exit_facts(raw: Path) -> Mapping[str, Any]:
    file = raw / "exit.json"
    facts: Mapping[str, Any] = read_json(file) if file.is_file() else {}
    return facts


def _rest(raw: Path) -> Rest | None:
    facts = _exit_facts(raw)
    if not facts:
        return None
    return Rest(start_s=facts["started_s"], end_s=facts["ended_s"], streams=tuple(_streams(raw)))


def _streams(raw: Path) -> Iterator[Stream]:
    """The agent's own sensors first, then sidecars and meters by name."""
    if (raw / SAMPLES).is_file():
        yield _agents_own(raw / SAMPLES)
    for file in sorted(raw.glob("*.jsonl")):
        if file.name not in _NO_READINGS:
            yield _beside(file)


def _agents_own(file: Path) -> Stream:
    records = list(read_lines(file))
    about: dict[str, Row] = next((record["sensors_about"] for record in records if "sensors_about" in record), {})
    lines = [Line(each["t_s"], each["sensors"]) for each in records if "sensors" in each]
    return Stream(clock=BOARD, about=about, lines=tuple(lines), faults=())  # its faults stand in exit.json


def _beside(file: Path) -> Stream:
    """A sidecar's or a meter's file."""
    about: dict[str, Row] = {}
    lines, faults = [], []
    for record in read_lines(file):
        if "about" in record:
            about[record["about"]["source"]] = record["about"]
        elif "sensors" in record:
            lines.append(Line(record["t_s"], record["sensors"]))
        elif "fault" in record:
            faults.append(f"{record['fault']['source']}: {record['fault']['what']}")
    remote = any("controller" in str(each.get("clock")) for each in about.values())
    clock = CONTROLLER if remote else BOARD
    return Stream(clock=clock, about=about, lines=tuple(lines), faults=tuple(faults))
