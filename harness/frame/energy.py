"""The energy of a cell on a board: by every witness, over the measured rounds and over each kind of phase in them."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.clock import ClockMap
from harness.energy import (
    Energy,
    Idle,
    Level,
    counted_level,
    counter_energy,
    energy_of,
    joined,
    level_of,
    net_energy,
    power_trace,
)
from harness.frame.readings import CONTROLLER, Row
from harness.frame.trace import BoardTrace
from harness.frame.witnesses import COUNTER, Testimony, testimonies
from harness.units import show_percent

Window = tuple[float, float]
ROUNDS = "rounds"  # all measured rounds, with what lies between them
HOLD_STEPS = (ROUNDS, "compute")  # windows in which the load repeats with each local step
SETTLE_S = 0.5  # of a rest: the program that waits has to start, too
FEWEST_REFRESHES = 20  # of a slow gauge within a window that it may speak for
COVERED_SHARE = 0.99  # OURS: a witness that saw less of the measured rounds does not speak for the cell


def energy_rows(key: Row, trace: BoardTrace, step_rate_hz: float | None) -> Iterator[Row]:
    """One row per witness and window, the best witness first; none where nobody tells any power."""
    windows = _windows(trace)
    if not windows:
        return
    for told in testimonies(trace):
        idle = _idle(told, trace)
        for name, spans in windows.items():
            on_clock = [_on_its_clock(span, told, trace.clock) for span in spans]
            if any(span is None for span in on_clock):
                continue
            rate_hz = step_rate_hz if name in HOLD_STEPS else None
            energy = _energy(told, [span for span in on_clock if span], rate_hz)
            yield {**key, **_row(told, name, sum(end - start for start, end in spans), energy, idle)}


def headline(rows: Sequence[Mapping[str, Any]]) -> Row:
    """The columns of a cell: the best witness of the whole board that saw all of the measured rounds.

    Where each missed a part there is no energy: that of the rest would look like a saving.
    """
    told = [row for row in rows if row["window"] == ROUNDS and row["whole"] and row["energy_j"] is not None]
    for row in told:
        if _covered_share(row) >= COVERED_SHARE:
            return {
                "energy_j": row["energy_j"],
                "energy_uncertainty_j": row["uncertainty_j"],
                "net_energy_j": row["net_j"],
                "energy_scope": f"{row['scope']} ({row['rails']})" if row["rails"] else row["scope"],
                "energy_covered_share": _covered_share(row),
                "energy_warnings": row["warnings"],
            }
    if not told:
        return {}
    shares = ", ".join(f"{row['source']} {show_percent(_covered_share(row))}" for row in told)
    return {
        "energy_covered_share": max(map(_covered_share, told)),
        "energy_warnings": f"no witness covers the measured rounds: {shares}",
    }


def _covered_share(row: Mapping[str, Any]) -> float:
    share: float = min(1.0, row["covered_s"] / row["duration_s"]) if row["duration_s"] else 0.0
    return share


def _windows(trace: BoardTrace) -> dict[str, list[Window]]:
    """By name; the phases as far as they lie in the measured rounds."""
    whole = trace.rounds_window
    if whole is None:
        return {}
    windows: dict[str, list[Window]] = {ROUNDS: [whole]}
    for event in trace.events:
        closed = event.get("closed") if event["event"] == "phase" else None
        if closed and closed["start_s"] >= whole[0] and closed["end_s"] <= whole[1]:
            windows.setdefault(closed["phase"], []).append((closed["start_s"], closed["end_s"]))
    return windows


def _on_its_clock(span: Window, told: Testimony, clock: ClockMap | None) -> Window | None:
    """The window on the witness's clock; None where the board's clock was never read."""
    if told.clock != CONTROLLER:
        return span
    if clock is None:
        return None
    start_s, end_s = (clock.to_controller(moment_s).controller_s for moment_s in span)
    return start_s, max(start_s, end_s)  # a phase of no length may come out reversed by a rounding


def _energy(told: Testimony, spans: Sequence[Window], step_rate_hz: float | None) -> Energy:
    if told.witness.kind == COUNTER:
        return joined([_counted(told, told.t_s, told.values, span) for span in spans])
    period_s = told.refresh_s
    parts = []
    for start_s, end_s in spans:
        times, watts = _around(told, start_s, end_s)
        trace = power_trace(times, watts, rails=told.rails, scope=told.scope,
                            accuracy_share=told.witness.accuracy_share, period_s=period_s)  # fmt: skip
        holds_steps = step_rate_hz is not None and (end_s - start_s) * step_rate_hz >= 1.0
        parts.append(energy_of(trace, start_s, end_s, step_rate_hz if holds_steps else None))
    return joined(parts)


def _around(told: Testimony, start_s: float, end_s: float) -> tuple[Sequence[float], Sequence[float]]:
    """The readings of a window with a few on either side: a short phase must not cost the whole trace."""
    if any(later <= earlier for earlier, later in zip(told.t_s, told.t_s[1:], strict=False)):
        return told.t_s, told.values  # the clock jumped: `power_trace` sorts that out
    first = max(0, bisect.bisect_left(told.t_s, start_s) - 8)
    last = bisect.bisect_right(told.t_s, end_s) + 8
    return told.t_s[first:last], told.values[first:last]


def _idle(told: Testimony, trace: BoardTrace) -> Idle | None:
    """What the board drew at rest; None where rest was not asked for or tells nothing."""
    if not told.at_rest or not any(trace.rests):
        return None
    level = _counted_rest if told.witness.kind == COUNTER else _rest
    sides = []
    for rest, own in zip(trace.rests, told.at_rest, strict=True):
        window = _on_its_clock((rest.start_s + SETTLE_S, rest.end_s), told, trace.clock) if rest else None
        series = (told.t_s, told.values) if told.clock == CONTROLLER else own
        sides.append(level(told, *series, window) if window else None)
    return Idle(before=sides[0], after=sides[1])


def _rest(told: Testimony, t_s: Sequence[float], watts: Sequence[float], window: Window) -> Level | None:
    accuracy_share = told.witness.accuracy_share
    power = power_trace(t_s, watts, rails=told.rails, scope=told.scope, accuracy_share=accuracy_share)
    return level_of(power, window)


def _counted_rest(told: Testimony, t_s: Sequence[float], joules: Sequence[float], window: Window) -> Level | None:
    return counted_level(_counted(told, t_s, joules, window))


def _counted(told: Testimony, t_s: Sequence[float], joules: Sequence[float], window: Window) -> Energy:
    accuracy_share = told.witness.accuracy_share
    return counter_energy(
        t_s,
        joules,
        *window,
        rails=told.rails,
        scope=told.scope,
        accuracy_share=accuracy_share,
        max_power_w=told.most_w if math.isfinite(told.most_w) else None,
    )


def _row(told: Testimony, window: str, duration_s: float, energy: Energy, idle: Idle | None) -> Row:
    net = net_energy(energy, idle) if idle else None
    warnings = list(net.warnings if net else energy.warnings)
    if told.refresh_s and duration_s < FEWEST_REFRESHES * told.refresh_s:
        warnings.append(f"the gauge renews its value every {told.refresh_s:.3g} s only")
    return {
        "source": told.source,
        "whole": told.witness.whole,
        "scope": told.scope,
        "rails": ", ".join(told.rails),
        "window": window,
        "duration_s": duration_s,
        "energy_j": energy.gross_j,
        "uncertainty_j": energy.uncertainty_j,
        "net_j": net.net_j if net else None,
        "net_uncertainty_j": net.uncertainty_j if net else None,
        "mean_power_w": energy.mean_power_w,
        "idle_power_w": idle.power_w if idle else None,
        "covered_s": energy.covered_s,
        "gaps": energy.gaps,
        "gap_s": energy.gap_s,
        "samples": energy.samples,
        "warnings": "; ".join(warnings) or None,
    }
