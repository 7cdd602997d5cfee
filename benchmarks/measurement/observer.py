"""What the agent costs: its tick, its memory, its punctuality, and the training beside it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from benchmarks.table import Row

PAIRS, HALF_S = 20, 2.0
TARGET_TICK_S, TARGET_RSS_BYTES, TARGET_LATE_S = 0.3e-3, 25e6, 5e-3
SLOW_DOWN = {10.0: 0.005, 50.0: 0.01}  # rate in Hz -> most that training may slow down


def agent_rows() -> list[Row]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measurement.agent_tick", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    results: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    rows = []
    for result in results:
        cpu, where = (
            result["cpu_per_tick_s"],
            f"{result['board']}, {result['rate_hz']:g} Hz, {result['sensors']} sensors",
        )
        holds = cpu["median"] <= TARGET_TICK_S
        rows.append(
            Row(
                quantity=f"CPU of one tick ({where})",
                target="<= 0.3 ms",
                measured=f"{cpu['median'] * 1e3:.2f} ms",
                spread=f"{cpu['least'] * 1e3:.2f}..{cpu['most'] * 1e3:.2f} ms over {result['repetitions']} repetitions",
                holds=holds,
                remark="" if holds else f"a bare wake-up of Python takes {result['bare_wake_s'] * 1e3:.2f} ms here",
            )
        )
    slow = [result for result in results if result["rate_hz"] == 10.0]
    rss, late = max(r["rss_bytes"] for r in results), max(r["late_p99_s"] for r in slow)
    rows.append(_plain("agent's resident memory", "<= 25 MB", f"{rss / 1e6:.1f} MB", rss <= TARGET_RSS_BYTES))
    rows.append(_plain("lateness p99 at 10 Hz", "<= 5 ms", f"{late * 1e3:.1f} ms", late <= TARGET_LATE_S))
    return rows


def _plain(quantity: str, target: str, measured: str, holds: bool) -> Row:
    return Row(quantity=quantity, target=target, measured=measured, spread="largest over all runs", holds=holds)


def slow_down_rows() -> list[Row]:
    """On an embedded board, the training process running through."""
    rows = []
    for rate_hz, allowed in SLOW_DOWN.items():
        with tempfile.TemporaryDirectory() as results:
            options = ["--devices", "nano-01", "--results", results, "--rate", str(rate_hz), "--json"]
            options += ["--pairs", str(PAIRS), "--half", str(HALF_S)]
            command = [sys.executable, "-c", "from harness.cli import main; main()", "overhead", *options]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        rows.append(
            Row(
                quantity=f"slow-down of training at {rate_hz:g} Hz",
                target=f"<= {allowed * 100:g} %",
                measured=f"{found['slow_down'] * 100:+.2f} %",
                spread=f"95 %: {found['low'] * 100:+.2f} to {found['high'] * 100:+.2f} %, {found['pairs']} pairs",
                holds=found["high"] <= allowed,
                remark=f"the agent itself takes {found['agent_core_share'] * 100:.2f} % of a core"
                + ("" if found["high"] <= allowed else f"; {_pairs_needed(found, allowed)}"),
            )
        )
    return rows


def _pairs_needed(found: dict[str, Any], allowed: float) -> str:
    """For an interval that could lie below the target, by how this machine's steps vary."""
    half_width = (found["high"] - found["low"]) / 2
    return f"this machine's noise hides so little: some {found['pairs'] * (half_width / allowed) ** 2:.0f} pairs needed"
