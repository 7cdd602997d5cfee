"""Trapezoid over the midpoints of readings, clipped to a window by interpolation; holes are split, never bridged.

The trapezoid knows neither side of an edge better than half an interval, an error of P_step * dt / sqrt(12) for each,
which averages out over many steps only if the samples fall on ever other places of a step. So much is `sampling_j`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.energy.aliasing import aliasing
from harness.energy.order import ascending
from harness.energy.result import Energy

Floats = npt.NDArray[np.float64]
GAP_INTERVALS = 3.0  # more than so many intervals without a sample are a hole
HELD_INTERVALS = 1.0  # for so long the first and the last sample stand beyond themselves


@dataclass(frozen=True, kw_only=True, eq=False)
class PowerTrace:
    """Watts at midpoints of readings, on one clock, ascending, none missing."""

    t_s: Floats
    power_w: Floats
    period_s: float  # of the samples
    rails: tuple[str, ...]
    scope: str
    accuracy_share: float  # of the sensor, 0..1
    missing: int  # samples without a number
    disordered: int  # samples whose moments do not ascend with the others: the clock jumped


def power_trace(
    t_s: Sequence[float] | Floats,
    power_w: Sequence[float | None] | Floats,
    *,
    rails: Sequence[str],
    scope: str,
    accuracy_share: float,
    period_s: float | None = None,
) -> PowerTrace:
    """Samples as they came, None or NaN where the sensor gave nothing; negative watts are kept.

    `period_s` is the rate that was asked for; without it, the median interval. Raises `ValueError` for lengths that
    differ.
    """
    times, watts = np.asarray(t_s, dtype=np.float64), np.array(power_w, dtype=np.float64)
    if times.shape != watts.shape or times.ndim != 1:
        raise ValueError(f"{times.size} times for {watts.size} powers")
    known = np.isfinite(times) & np.isfinite(watts)
    times, watts = times[known], watts[known]
    ordered = ascending(times)
    kept = times[ordered]
    if period_s is None:
        period_s = float(np.median(np.diff(kept))) if kept.size > 1 else math.inf
    return PowerTrace(
        t_s=kept,
        power_w=watts[ordered],
        period_s=period_s,
        rails=tuple(rails),
        scope=scope,
        accuracy_share=accuracy_share,
        missing=int(known.size - known.sum()),
        disordered=int(ordered.size - ordered.sum()),
    )


def energy_of(trace: PowerTrace, start_s: float, end_s: float, step_rate_hz: float | None = None) -> Energy:
    """Gross energy between two moments. `step_rate_hz`: how often the load repeats, where the caller knows it."""
    pieces = [piece for piece in _pieces(trace) if piece[0][-1] > start_s and piece[0][0] < end_s]
    clipped = [_clip(times, watts, start_s, end_s) for times, watts in pieces]
    covered_s = math.fsum(float(times[-1] - times[0]) for times, _ in clipped)
    gap_s = max(0.0, end_s - start_s - covered_s)
    inside = (trace.t_s >= start_s) & (trace.t_s <= end_s)
    gross_j = math.fsum(_area_j(times, watts) for times, watts in clipped)
    largest_w = float(np.abs(trace.power_w).max()) if trace.power_w.size else 0.0
    return Energy(
        start_s=start_s,
        end_s=end_s,
        rails=trace.rails,
        scope=trace.scope,
        gross_j=gross_j if covered_s > 0 else None,
        covered_s=covered_s,
        gaps=_gaps(clipped, start_s, end_s),
        gap_s=gap_s,
        samples=int(inside.sum()),
        sensor_j=trace.accuracy_share * math.fsum(_area_j(times, np.abs(watts)) for times, watts in clipped),
        sampling_j=_sampling_j(pieces, start_s, end_s),
        gap_j=gap_s * largest_w,
        warnings=(*_faults(trace, gap_s), *aliasing(trace.t_s[inside], trace.power_w[inside], step_rate_hz)),
    )


def _pieces(trace: PowerTrace) -> list[tuple[Floats, Floats]]:
    """The trace between its holes, each piece held on a little at both ends."""
    if not trace.t_s.size:
        return []
    cuts = np.flatnonzero(np.diff(trace.t_s) > GAP_INTERVALS * trace.period_s) + 1
    pieces = zip(np.split(trace.t_s, cuts), np.split(trace.power_w, cuts), strict=True)
    return [_held(times, watts, HELD_INTERVALS * trace.period_s) for times, watts in pieces]


def _held(times: Floats, watts: Floats, hold_s: float) -> tuple[Floats, Floats]:
    if not math.isfinite(hold_s):
        return times, watts
    return (
        np.concatenate([[times[0] - hold_s], times, [times[-1] + hold_s]]),
        np.concatenate([[watts[0]], watts, [watts[-1]]]),
    )


def _clip(times: Floats, watts: Floats, start_s: float, end_s: float) -> tuple[Floats, Floats]:
    first, last = max(start_s, float(times[0])), min(end_s, float(times[-1]))
    inner = (times > first) & (times < last)
    edges = np.interp([first, last], times, watts)
    return (
        np.concatenate([[first], times[inner], [last]]),
        np.concatenate([[edges[0]], watts[inner], [edges[1]]]),
    )


def _area_j(times: Floats, watts: Floats) -> float:
    return float(np.sum((watts[1:] + watts[:-1]) * np.diff(times)) / 2.0)


def _gaps(clipped: Sequence[tuple[Floats, Floats]], start_s: float, end_s: float) -> int:
    if not clipped:
        return 1 if end_s > start_s else 0
    tiny_s = 1e-9 * max(1.0, abs(end_s))
    edges = (clipped[0][0][0] - start_s > tiny_s) + (end_s - clipped[-1][0][-1] > tiny_s)
    return len(clipped) - 1 + int(edges)


def _sampling_j(pieces: Sequence[tuple[Floats, Floats]], start_s: float, end_s: float) -> float:
    """Twice the standard error of edges that lie anywhere within their interval."""
    squares = 0.0
    for times, watts in pieces:
        touched = (times[1:] > start_s) & (times[:-1] < end_s)
        squares += float(np.sum((np.diff(watts) * np.diff(times))[touched] ** 2))
    return 2.0 * math.sqrt(squares / 12.0)


def _faults(trace: PowerTrace, gap_s: float) -> list[str]:
    found = []
    if gap_s > 1e-9:
        found.append(f"{gap_s:.3g} s are not covered by samples")
    if trace.missing:
        found.append(f"{trace.missing} samples of the trace have no number")
    if trace.disordered:
        found.append(f"{trace.disordered} samples of the trace do not ascend in time with the others")
    return found
