"""Sensor readings of a trace as rows, and the energy of a cell from whatever tells the whole board's power."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.energy import Energy, counter_energy, energy_of, power_trace
from harness.store import read_lines

Row = dict[str, Any]

# What tells the power of the whole, the better one first; the accuracy is the vendor's word.
POWER = (("jetson_power/total/power_w", 0.05),)
COUNTERS = (("rapl/total/energy_j", 0.05),)


def sensor_rows(key: Mapping[str, Any], samples: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """One row per reading. Keys in a sample are `<source>/<sensor>/<quantity>`."""
    for sample in samples:
        for name, value in sample.get("sensors", {}).items():
            source, sensor, quantity = name.split("/", 2)
            yield {
                **key,
                "t_s": sample["t_s"],
                "source": source,
                "sensor": sensor,
                "quantity": quantity,
                "value": value,
            }


def cell_energy(raw: Path, samples: Sequence[Mapping[str, Any]], window: tuple[float, float] | None) -> Row:
    """`energy_j`, its uncertainty and scope over the window; empty where no sensor tells the whole."""
    if window is None:
        return {}
    for name, accuracy in POWER:
        times, values = _series(samples, name)
        if values:
            about = _about(raw, name)
            trace = power_trace(times, values, rails=about.get("total", ()), scope=about["scope"],
                                accuracy_share=accuracy)  # fmt: skip
            return _columns(energy_of(trace, *window))
    for name, accuracy in COUNTERS:
        times, values = _series(samples, name)
        if values:
            about = _about(raw, name)
            energy = counter_energy(times, values, *window, rails=about.get("total", ()), scope=about["scope"],
                                    accuracy_share=accuracy)  # fmt: skip
            return _columns(energy)
    return {}


def _series(samples: Sequence[Mapping[str, Any]], name: str) -> tuple[list[float], list[float]]:
    found = [(sample["t_s"], sample["sensors"][name]) for sample in samples if name in sample.get("sensors", {})]
    return [t_s for t_s, _ in found], [value for _, value in found]


def _about(raw: Path, name: str) -> Row:
    """What the trace's first line says of a source."""
    first = next(read_lines(raw / "samples.jsonl"), {})
    about: Row = {"scope": "unknown", **first.get("sensors_about", {}).get(name.split("/")[0], {})}
    return about


def _columns(energy: Energy) -> Row:
    scope = f"{energy.scope} ({', '.join(energy.rails)})" if energy.rails else energy.scope
    return {"energy_j": energy.gross_j, "energy_uncertainty_j": energy.uncertainty_j, "energy_scope": scope}
