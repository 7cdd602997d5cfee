"""Who tells the power of a board, the better witness first. A new one is a line in WITNESSES.

Accuracies are those of the vendors where they give one, else OURS, on the safe side; each enters the uncertainty of
every energy. What a witness covers (its scope and rails) is its own word, from the trace.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.agent.sources.battery import calibrate, drawn_w, refresh_period_s
from harness.frame.readings import Row, Stream
from harness.frame.trace import BoardTrace

POWER, COUNTER = "power", "counter"
Series = tuple[tuple[float, ...], tuple[float, ...]]  # times and values


@dataclass(frozen=True, kw_only=True)
class Witness:
    key: re.Pattern[str]  # of readings
    kind: str  # watts at moments, or a counter of joules
    accuracy_share: float
    whole: bool  # whether it tells enough of the board to stand for its energy


def _witness(key: str, kind: str, accuracy_share: float, whole: bool = True) -> Witness:
    return Witness(key=re.compile(key), kind=kind, accuracy_share=accuracy_share, whole=whole)


WITNESSES = (
    _witness(r"jetson_power/total/power_w", POWER, 0.05),
    _witness(r"meter\d+/\w+/power_w", POWER, 0.02),
    _witness(r"meter\d+/\w+/energy_j", COUNTER, 0.02),  # last: a plug counts in steps of 60 to 3600 J
    _witness(r"vcgencmd/board_by_published_fit/power_w", POWER, 0.1),
    _witness(r"(jtop|tegrastats)/total/power_w", POWER, 0.05),
    _witness(r"battery/\w+/power_w", POWER, 0.1),
    _witness(r"rapl/total/energy_j", COUNTER, 0.05),
    _witness(r"nvml/[^/]+/energy_j", COUNTER, 0.05, whole=False),
    _witness(r"nvml/[^/]+/power_w", POWER, 0.05, whole=False),
    _witness(r"hwmon_power/[^/]+/power_w", POWER, 0.02, whole=False),
)


@dataclass(frozen=True, kw_only=True)
class Testimony:
    """One witness's readings, in and around a cell."""

    source: str  # jetson_power/total, meter0/wall, ...
    witness: Witness
    clock: str
    scope: str
    rails: tuple[str, ...]
    t_s: tuple[float, ...]
    values: tuple[float, ...]  # watts or joules
    at_rest: tuple[Series, ...]  # before and after; empty where rest tells nothing, as for a battery
    most_w: float = math.inf  # no such board draws more
    refresh_s: float | None = None  # how often a slow gauge renews its value


def testimonies(trace: BoardTrace) -> list[Testimony]:
    """All of a board, the best first."""
    rests = [rest.streams if rest else () for rest in trace.rests]
    found = []
    for witness in WITNESSES:
        for stream in trace.streams:
            for key in _keys(stream, witness):
                source, sensor, _ = key.split("/", 2)
                about = stream.about.get(source, {})
                times, values = series([stream], key)
                found.append(
                    Testimony(
                        source=f"{source}/{sensor}",
                        witness=witness,
                        clock=stream.clock,
                        scope=_scope(about, sensor),
                        rails=tuple(about.get("total", ())),
                        t_s=times,
                        values=values,
                        at_rest=tuple(series(streams, key) for streams in rests),
                        most_w=trace.most_w,
                    )
                )
        if witness.key.pattern.startswith("battery"):
            found += _batteries(trace, witness)
    return _named(found)


def _named(found: Sequence[Testimony]) -> list[Testimony]:
    """Each by a name of its own: what a sensor tells in a second way, power beside a counter, has the way added."""
    told: dict[str, Testimony] = {}
    for each in found:
        name = f"{each.source} ({each.witness.kind})" if each.source in told else each.source
        told.setdefault(name, replace(each, source=name))
    return list(told.values())


def series(streams: Sequence[Stream], key: str) -> Series:
    """Times and values of one key."""
    lines = [line for stream in streams for line in stream.lines if key in line.sensors]
    return tuple(line.t_s for line in lines), tuple(line.sensors[key] for line in lines)


def _keys(stream: Stream, witness: Witness) -> list[str]:
    return sorted({key for line in stream.lines for key in line.sensors if witness.key.fullmatch(key)})


def _scope(about: Row, sensor: str) -> str:
    fits = about.get("fits", {})
    return str(fits.get(sensor) or about.get("scope", "unknown"))


def _batteries(trace: BoardTrace, witness: Witness) -> list[Testimony]:
    """Watts from a gauge's raw counts, calibrated on the cell itself: a phone at work discharges its battery."""
    found = []
    for stream in trace.streams:
        gauges = {key.split("/")[1] for line in stream.lines for key in line.sensors if key.startswith("battery/")}
        for gauge in sorted(gauges):
            testimony = _battery(stream, gauge, witness)
            found += [testimony] if testimony else []
    return found


def _battery(stream: Stream, gauge: str, witness: Witness) -> Testimony | None:
    prefix = f"battery/{gauge}/"
    rows = [
        (line.t_s, line.sensors[prefix + "voltage_v"], int(line.sensors[prefix + "current_raw"]))
        for line in stream.lines
        if prefix + "current_raw" in line.sensors and line.sensors.get(prefix + "discharging", 1)
    ]
    try:
        calibration = calibrate([current for _, _, current in rows])
    except ValueError:
        return None
    sign, unit = ("" if calibration.sign > 0 else "-"), ("mA" if calibration.unit_a == 1e-3 else "uA")
    scope = stream.about.get("battery", {}).get("scope", "unknown")
    return Testimony(
        source=f"battery/{gauge}",
        witness=witness,
        clock=stream.clock,
        scope=f"{scope}; current_now taken as {sign}{unit}",
        rails=(),
        t_s=tuple(t_s for t_s, _, _ in rows),
        values=tuple(drawn_w(volts, current, calibration) for _, volts, current in rows),
        at_rest=(),
        refresh_s=refresh_period_s(series([stream], prefix + "refreshed_s")[1]),
    )
