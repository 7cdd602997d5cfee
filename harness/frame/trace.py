"""Everything that a board left of one cell, read once: the worker's events, the agent's samples, and the readings of
sidecars and meters, each on its own clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.clock import ClockMap, ClockReading, clock_map
from harness.frame.readings import Row, Stream, fault_words, is_number, read_stream, unfit_words
from harness.store import read_lines, read_mapping, read_records

SAMPLES, EVENTS = "samples.jsonl", "events.jsonl"
RESTS = ("rest_before", "rest_after")
# What the frames need of the worker's events; one that lacks it was damaged on its way.
NEEDED = {
    "round": ("t_s", "round_s", "round", "stage", "seconds", "bytes", "samples"),
    "phase": ("closed",),
    "rehearsal": ("stage", "peak_tensor_bytes"),
}
NEEDED_OF_PHASE = ("phase", "start_s", "end_s")


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
    most_w: float  # no board of its class draws more: a reading above is garbage
    faults: tuple[str, ...]  # of the worker's events, the agent, its sidecars and meters, in words

    @property
    def rounds_window(self) -> tuple[float, float] | None:
        """From the beginning of the first measured round to the end of the last, on the board's clock."""
        ends = [(event["t_s"] - event["round_s"], event["t_s"]) for event in self.events if event["event"] == "round"]
        return (ends[0][0], ends[-1][1]) if ends else None


def read_trace(raw: Path, clock: list[Row], most_w: float = math.inf) -> BoardTrace:
    """`clock`: the readings in cell.json."""
    events, unfit = _events(raw / EVENTS)
    exit_facts = read_mapping(raw / "exit.json") or {}
    readings = [ClockReading(**reading) for reading in clock]
    streams = tuple(_streams(raw, most_w))
    told = (fault for stream in streams for fault in stream.faults)
    return BoardTrace(
        events=events,
        samples=tuple(_samples(raw / SAMPLES)),
        exit_facts=exit_facts,
        streams=streams,
        rests=(_rest(raw / RESTS[0], most_w), _rest(raw / RESTS[1], most_w)),
        clock=clock_map(readings) if readings else None,
        most_w=most_w,
        faults=(*unfit_words("events", unfit), *_agents_faults(raw, exit_facts), *told),
    )


def _events(file: Path) -> tuple[tuple[Row, ...], Counter[str]]:
    """Those that are whole, and what the others lack."""
    whole = []
    unfit: Counter[str] = Counter()
    for event in read_records(file):
        lacking = "no JSON object" if event is None else _lacking(event)
        if event is None or lacking:
            unfit[lacking] += 1
        else:
            whole.append(event)
    return tuple(whole), unfit


def _lacking(event: Row) -> str:
    name = event.get("event")
    if not isinstance(name, str):
        return "an event without a name"
    closed = event.get("closed")
    if name == "phase" and (not isinstance(closed, dict) or any(field not in closed for field in NEEDED_OF_PHASE)):
        return "a phase that was not closed"
    missing = [field for field in NEEDED.get(name, ()) if field not in event]
    return f"a {name} without {', '.join(missing)}" if missing else ""


def _samples(file: Path) -> Iterator[Row]:
    """The agent's own figures, without what is no number."""
    for sample in read_lines(file):
        if is_number(sample.get("t_s")):
            yield {name: value for name, value in sample.items() if is_number(value)}


def _agents_faults(raw: Path, exit_facts: Mapping[str, Any]) -> Iterator[str]:
    if not exit_facts and (raw / "exit.json").is_file():
        yield "agent: exit.json was cut off"
    for fault in exit_facts.get("faults", ()):
        try:
            yield fault_words(fault)
        except ValueError as error:
            yield f"agent: {error}"


def _rest(raw: Path, most_w: float) -> Rest | None:
    facts = read_mapping(raw / "exit.json") or {}
    if not is_number(facts.get("started_s")) or not is_number(facts.get("ended_s")):
        return None
    return Rest(start_s=facts["started_s"], end_s=facts["ended_s"], streams=tuple(_streams(raw, most_w)))


def _streams(raw: Path, most_w: float) -> Iterator[Stream]:
    """The agent's own sensors first, then sidecars and meters by name."""
    if (raw / SAMPLES).is_file():
        yield read_stream(raw / SAMPLES, most_w)
    for file in sorted(raw.glob("*.jsonl")):
        if file.name not in (EVENTS, SAMPLES):
            yield read_stream(file, most_w)
