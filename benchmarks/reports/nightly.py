"""False and missed alarms of the change detection, on histories whose truth is known."""

from __future__ import annotations

import numpy as np
from scipy.stats import beta

from benchmarks.table import Row
from harness.nightly.detect import FEWEST, scan
from harness.nightly.simulate import history, with_shift

TIMES, MEMORIES = 48, 32  # series: 4 boards x 4 methods x (3 times, 2 memories)
NIGHTS, HISTORIES = 120, 80
BASELINE, SHIFTS = 30, 600


def rows() -> list[Row]:
    return [_quiet(), _caught("latency", 0, 0.05), _caught("memory", TIMES, 0.03)]


def _quiet() -> Row:
    tested = NIGHTS - FEWEST - 1
    alarms = [len(scan(_made(seed, NIGHTS))) for seed in range(HISTORIES)]
    rate = float(np.mean(alarms)) / tested * 100
    error = 1.96 * float(np.std(alarms, ddof=1)) / HISTORIES**0.5 / tested * 100
    return Row(
        quantity=f"false alarms in 100 quiet nights, {TIMES + MEMORIES} series together",
        target="<= 1",
        measured=f"{rate:.2f}",
        spread=f"± {error:.2f} (95 %, {HISTORIES} histories of {tested} tested nights)",
        holds=rate <= 1,
    )


def _caught(name: str, series: int, share: float) -> Row:
    hits = 0
    for seed in range(SHIFTS):
        values = with_shift(_made(10_000 + seed, BASELINE + 2), series, BASELINE, share)
        hits += any(alarm.series == series and alarm.night >= BASELINE for alarm in scan(values))
    low, high = beta.ppf([0.025, 0.975], [hits, hits + 1], [SHIFTS - hits + 1, SHIFTS - hits])
    return Row(
        quantity=f"{share:.0%} {name} shift of one series caught within 2 nights, after {BASELINE} nights",
        target=">= 90 %",
        measured=f"{hits / SHIFTS:.1%}",
        spread=f"{low:.1%} to {high:.1%} (95 %, {SHIFTS} simulations)",
        holds=hits / SHIFTS >= 0.9,
    )


def _made(seed: int, nights: int) -> np.ndarray:
    return history(np.random.default_rng(seed), nights, TIMES, MEMORIES)
