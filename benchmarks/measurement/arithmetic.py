"""What is computed from readings, held against truth that is known: waveforms, clocks, and ends of workers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.table import Row
from harness.board.agent_line import PING_INTERVAL_S
from harness.clock import clock_map
from harness.energy import energy_of, power_trace
from harness.inventory import Observation
from tests.harness.test_clock import errors_of, lan, readings_of, slewed_by_ntp
from tests.harness.test_energy import ABOUT, Square, instants, joules, sine_j
from tests.harness.test_oom import CASES, judged

TARGET_SHARE = 0.005
DEFAULT_HZ = Observation.rate_hz
WAVES = {"square, duty 25 %": 0.25, "square, duty 30 %": 0.3, "square, duty 50 %": 0.5}  # period 1 s
RATES = ((10.0, 10.0), (DEFAULT_HZ, 10.0), (DEFAULT_HZ, 20.0), (20.618, 10.0))  # Hz, seconds of a phase
PHASES = 300
CLOCKS = 200
TARGET_CLOCK_S = 2e-3


def energy_rows() -> list[Row]:
    """10 s phases of a load whose energy is known, with an agent's lateness."""
    rows = [_square_row(name, duty, *rate) for name, duty in WAVES.items() for rate in RATES]
    return [*rows, _sine_row(), _spikes_row()]


def _square_row(name: str, duty: float, rate_hz: float, seconds: float) -> Row:
    rng = np.random.default_rng(11)
    errors, told = [], 0
    for _ in range(PHASES):
        wave = Square(1.0, duty, rng.uniform(0, 1))
        t_s = instants(rng, rate_hz, seconds + 1)
        start_s = rng.uniform(0, 0.5)
        energy = energy_of(power_trace(t_s, wave.power_w(t_s), **ABOUT), start_s, start_s + seconds, 1.0)
        true_j = wave.energy_j(start_s, start_s + seconds)
        errors.append(abs(joules(energy) / true_j - 1))
        outside = abs(joules(energy) - true_j) > (energy.uncertainty_j or 0.0)
        told += bool(energy.warnings) or not outside
    remark = f"{told} of {PHASES} warned of or within their uncertainty"
    return _error_row(f"energy of a {name}, 1 s, {rate_hz:g} Hz, {seconds:g} s", errors, remark)


def _error_row(quantity: str, errors: list[float], remark: str = "") -> Row:
    within = float(np.mean(np.array(errors) <= TARGET_SHARE))
    return Row(
        quantity=quantity,
        target="within 0.5 %",
        measured=f"{within * 100:.0f} % of phases",
        spread=f"median {np.median(errors) * 100:.2f} %, worst {np.max(errors) * 100:.2f} %, {len(errors)} phases",
        holds=within == 1.0,
        remark=remark,
    )


def _sine_row() -> Row:
    rng = np.random.default_rng(12)
    errors = []
    for _ in range(PHASES):
        t_s = instants(rng, 10.0, 12.0)
        start_s = rng.uniform(0, 1)
        energy = energy_of(power_trace(t_s, 4.0 + np.sin(2 * np.pi * t_s), **ABOUT), start_s, start_s + 10)
        errors.append(abs(joules(energy) / sine_j(start_s, start_s + 10) - 1))
    return _error_row("energy of a sine, 1 s, 10 Hz, 10 s", errors)


def _spikes_row() -> Row:
    """20 ms at 12 W every 0.73 s over 3 W: most samples miss them, and no single phase can be right."""
    rng = np.random.default_rng(13)
    errors, inside, told = [], 0, 0
    for _ in range(PHASES):
        t_s = instants(rng, DEFAULT_HZ, 32.0)
        phase_s = rng.uniform(0, 0.73)
        watts = np.where((t_s + phase_s) % 0.73 < 0.02, 12.0, 3.0)
        energy = energy_of(power_trace(t_s, watts, **ABOUT), 1.0, 31.0)
        true_j = 90.0 + 9.0 * 0.02 * 30 / 0.73
        within = abs(joules(energy) - true_j) <= (energy.uncertainty_j or 0.0)
        errors.append(joules(energy) / true_j - 1)
        inside += within
        told += within or bool(energy.warnings)
    row = _error_row(f"energy of 20 ms spikes, {DEFAULT_HZ:g} Hz, 30 s", [abs(error) for error in errors])
    remark = (
        f"no rate near 10 Hz sees each spike: {np.mean(errors) * 100:+.2f} % on average; {inside} of {PHASES} within "
        f"their own uncertainty, {told} with those warned of"
    )
    return replace(row, remark=remark)


def clock_rows() -> list[Row]:
    """Any offset, any crystal, a lopsided LAN, a cell of 300 s."""
    return [
        _clock_row("injected offset and drift", slews=False),
        _clock_row("the same, and NTP slews by 500 ppm from some moment on", slews=True),
    ]


def _clock_row(quantity: str, *, slews: bool) -> Row:
    """Within: at each of 31 moments of the cell."""
    stated_s, within = [], 0
    for seed in range(CLOCKS):
        link = lan(seed)
        if slews:
            slewed_by_ntp(link, (seed + 0.5) / CLOCKS, 1.0 if seed % 2 else -1.0)
        clocks = clock_map(readings_of(link, PING_INTERVAL_S))
        within += not errors_of(link, clocks)
        stated_s.append(clocks.uncertainty_s)
    return Row(
        quantity=f"clock: {quantity}",
        target="within the stated uncertainty, <= 2 ms",
        measured=f"{within} of {CLOCKS} within",
        spread=f"stated {np.median(stated_s) * 1e3:.2f} ms (median), {max(stated_s) * 1e3:.2f} ms at most",
        holds=within == CLOCKS and max(stated_s) <= TARGET_CLOCK_S,
        remark=f"read at both ends, and once every {PING_INTERVAL_S:g} s",
    )


def oom_rows() -> list[Row]:
    memory = [case for name, case in CASES.items() if name.startswith("oom_")]
    others = [case for name, case in CASES.items() if not name.startswith("oom_")]
    signatures = {case["expected"]["signature"] for case in memory}
    found = sum(judged(case).signature == case["expected"]["signature"] for case in memory)
    misread = sum(judged(case).name == "out_of_memory" for case in others)
    return [
        Row(
            quantity="out-of-memory corpus",
            target=">= 12 signatures, all classified",
            measured=f"{found} of {len(memory)} cases",
            spread=f"{len(signatures)} distinct signatures",
            holds=found == len(memory) and len(signatures) >= 12,
        ),
        Row(
            quantity="other crashes taken for it",
            target="0 of >= 12",
            measured=f"{misread} of {len(others)}",
            spread="texts from documentation and issues, not from boards of ours",
            holds=misread == 0 and len(others) >= 12,
        ),
    ]
