"""Energy from a counter of joules (RAPL, NVML, a smart plug): differences, with wraps undone and resets left out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.energy.order import ascending
from harness.energy.result import Energy

Floats = npt.NDArray[np.float64]
FEWEST_INCREMENTS = 20  # of a counter that moves in steps, within a window that it may speak for
IMPLAUSIBLE = 5.0  # times the highest power otherwise seen: a step back that would mean so much was a reset, no wrap


def counter_energy(
    t_s: Sequence[float] | Floats,
    counter_j: Sequence[float | None] | Floats,
    start_s: float,
    end_s: float,
    *,
    rails: Sequence[str],
    scope: str,
    accuracy_share: float,
    wrap_j: float | None = None,
    max_power_w: float | None = None,
) -> Energy:
    """Gross energy between two moments.

    A step back is a wrap where `wrap_j` (the counter's range) makes it plausible under `max_power_w` or the trace's own
    powers, else a reset: that interval is a gap, and so is one that took more than `max_power_w`. A long interval is
    none, for the counter counted on. A counter that stands still between its steps (a plug: every 60 to 3600 J) tells
    of the time from change to change only, and is uncertain by one step.
    """
    times, counts = np.asarray(t_s, dtype=np.float64), np.array(counter_j, dtype=np.float64)
    known = np.isfinite(times) & np.isfinite(counts)
    times, counts = times[known], counts[known]
    if times.size:
        ordered = ascending(times)
        times, counts = times[ordered], counts[ordered]
    samples = int(((times >= start_s) & (times <= end_s)).sum())
    moved = _changes(counts)
    in_steps = moved.size < counts.size
    times, counts = times[moved], counts[moved]  # none, where the counter never moved: less than a step is no energy
    used_j = _undone(times, counts, wrap_j, max_power_w)
    touched = (times[1:] > start_s) & (times[:-1] < end_s) if times.size > 1 else np.zeros(0, dtype=bool)
    shares = np.clip(
        (np.minimum(times[1:], end_s) - np.maximum(times[:-1], start_s)) / np.diff(times), 0.0, 1.0
    )  # of each interval, within the window
    lost = np.isnan(used_j)
    covered_s = float(np.sum((np.diff(times) * shares)[touched & ~lost]))
    gross_j = float(np.sum((used_j * shares)[touched & ~lost]))
    cut = touched & ~lost & (shares < 1.0)
    gap_s = max(0.0, end_s - start_s - covered_s)
    steps = (used_j > 0) & touched & ~lost
    step_j = float(used_j[steps if steps.any() else used_j > 0].max(initial=0.0)) if in_steps else 0.0
    highest_w = max_power_w or _highest_w(times, used_j)
    return Energy(
        start_s=start_s,
        end_s=end_s,
        rails=tuple(rails),
        scope=scope,
        gross_j=gross_j if covered_s else None,
        covered_s=covered_s,
        gaps=int((touched & lost).sum()) + _uncovered_ends(times, start_s, end_s),
        gap_s=gap_s,
        samples=samples,
        sensor_j=accuracy_share * gross_j,
        sampling_j=2.0 * math.sqrt(float(np.sum(used_j[cut] ** 2)) / 12.0) + step_j,
        gap_j=gap_s * highest_w,
        warnings=(
            *_warnings(times, touched, lost, wrap_j, highest_w, gap_s),
            *(_coarse(int(steps.sum())) if in_steps else ()),
        ),
    )


def _changes(counts: Floats) -> npt.NDArray[np.intp]:
    """Where the count is a new one, and both ends; nowhere if it is ever the same."""
    changes = np.flatnonzero(np.diff(counts)) + 1
    return np.unique([0, *changes, counts.size - 1]).astype(np.intp) if changes.size else changes


def _coarse(steps: int) -> list[str]:
    if steps >= FEWEST_INCREMENTS:
        return []
    return [f"the counter moved {steps} time{'' if steps == 1 else 's'} only, {FEWEST_INCREMENTS} are needed"]


def _undone(times: Floats, counts: Floats, wrap_j: float | None, max_power_w: float | None) -> Floats:
    """Joules of each interval, NaN where the counter was reset."""
    used_j, seconds = np.diff(counts), np.diff(times)
    back = used_j < 0
    if max_power_w is not None:
        used_j = np.where(used_j > max_power_w * seconds, np.nan, used_j)
    if wrap_j is None:
        return np.where(back, np.nan, used_j)
    if max_power_w is None:
        max_power_w = IMPLAUSIBLE * _highest_w(times, np.where(back, np.nan, used_j))
    unwrapped = used_j + wrap_j
    wrapped = back & (unwrapped >= 0) & (unwrapped <= max_power_w * seconds)
    return np.where(wrapped, unwrapped, np.where(back, np.nan, used_j))


def _highest_w(times: Floats, used_j: Floats) -> float:
    powers = used_j / np.diff(times)
    known = powers[np.isfinite(powers)]
    return float(known.max()) if known.size else 0.0


def _uncovered_ends(times: Floats, start_s: float, end_s: float) -> int:
    if times.size < 2:
        return int(end_s > start_s)
    return int(times[0] > start_s) + int(times[-1] < end_s)


def _warnings(
    times: Floats, touched: npt.NDArray[np.bool_], lost: npt.NDArray[np.bool_],
    wrap_j: float | None, highest_w: float, gap_s: float,
) -> list[str]:  # fmt: skip
    found = []
    resets = int((touched & lost).sum())
    if resets:
        found.append(f"the counter was reset or misread {resets} time{'s' if resets > 1 else ''}")
    if gap_s > 1e-9:
        found.append(f"{gap_s:.3g} s are not covered by the counter")
    longest_s = float(np.diff(times)[touched].max()) if touched.any() else 0.0
    if wrap_j is not None and longest_s * highest_w > wrap_j / 2:
        found.append(f"the counter may have wrapped more than once within {longest_s:.3g} s")
    return found
