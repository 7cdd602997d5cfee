"""The real agent over allocations of a known size, long and shorter than a period, and under a machine's full load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import harness.agent
from benchmarks.table import Row
from harness.inventory import Observation
from tests.agent.agent_client import AgentProcess, wait_for

SIZES_MB = (20, 100, 400)
REPETITIONS = 3
LOAD_S = 30.0
CODE = Path(harness.agent.__file__).parents[1]


def peak_rows() -> list[Row]:
    """VmHWM of a worker that allocates, touches and frees at once, against what it held before and what it took."""
    worst_bytes, worst_share, rows = 0.0, 0.0, []
    for size_mb in SIZES_MB:
        for _ in range(REPETITIONS):
            with tempfile.TemporaryDirectory() as folder:
                before, seen = _short_peak(Path(folder), size_mb)
            true = before + (size_mb << 20)
            worst_bytes = max(worst_bytes, abs(seen - true))
            worst_share = max(worst_share, abs(seen - true) / true)
    rows.append(
        Row(
            quantity="peak of allocations shorter than a period",
            target="within 1 % or 4 MB",
            measured=f"{worst_bytes / 1e6:.2f} MB off at most",
            spread=f"{worst_share * 100:.2f} % at most; {SIZES_MB} MiB, {REPETITIONS} each, 10 Hz",
            holds=worst_share <= 0.01 or worst_bytes <= 4e6,
        )
    )
    return rows


def _short_peak(folder: Path, size_mb: int) -> tuple[int, int]:
    agent = _agent(folder)
    try:
        agent.start("peak", size_mb, rate_hz=10)
        agent.event("exit")
        return int(agent.log()), max(sample["hwm_bytes"] for sample in agent.samples() if "hwm_bytes" in sample)
    finally:
        agent.close()


def presence_rows() -> list[Row]:
    """Every core busy with a process of its own beside the agent and its worker."""
    rate_hz = Observation.rate_hz
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(spinning.wait)
            stack.callback(spinning.kill)
        agent = _agent(Path(name))
        try:
            agent.start("spin", LOAD_S, rate_hz=rate_hz)
            agent.until(lambda message: message.get("event") == "exit", timeout_s=LOAD_S + 20)
            samples, verdict = agent.samples(), agent.verdict()
        finally:
            agent.close()
    present = len(samples) / (len(samples) + verdict["missed_ticks"])
    late_s = sorted(sample["late_s"] for sample in samples)
    return [
        Row(
            quantity="samples present under full load",
            target=">= 99.5 %",
            measured=f"{present * 100:.2f} %",
            spread=f"{len(samples)} samples at {rate_hz:g} Hz, {verdict['late_ticks']} late, lateness p99 "
            f"{late_s[int(0.99 * (len(late_s) - 1))] * 1e3:.1f} ms",
            holds=present >= 0.995,
        )
    ]


def recovery_rows() -> list[Row]:
    """A worker that grows until it is killed, then the next one: from the kill to the next one's first sample."""
    waited_s, kinds = [], set()
    for _ in range(REPETITIONS):
        with tempfile.TemporaryDirectory() as name:
            agent = _agent(Path(name))
            try:
                kinds.add(agent.start("grow", budget_bytes=256 << 20)["budget_kind"])
                killed_s = agent.event("exit")["t_s"]
                agent.start("hold", 1, 30, out="next")
                first = wait_for(lambda: _first_sample(Path(name) / "next/samples.jsonl"))
                waited_s.append(first - killed_s)
            finally:
                agent.close()
    return [
        Row(
            quantity="board usable again after running out of memory",
            target="<= 20 s",
            measured=f"{max(waited_s):.2f} s",
            spread=f"{min(waited_s):.2f}..{max(waited_s):.2f} s, {REPETITIONS} kills under {', '.join(sorted(kinds))}",
            holds=max(waited_s) <= 20.0,
            remark="this machine: a real board that swaps takes longer",
        )
    ]


def _first_sample(trace: Path) -> float | None:
    lines = trace.read_text().splitlines()[1:2] if trace.is_file() else []
    return float(json.loads(lines[0])["t_s"]) if lines else None


def footprint_rows() -> list[Row]:
    """What is copied to a board, and what it imports of packages: all modules that a running agent has loaded."""
    size = sum(path.stat().st_size for path in (CODE / "agent").rglob("*.py"))
    program = "import sys, agent.loop; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=CODE, capture_output=True, text=True, check=True)
    foreign = set(done.stdout.split()) - sys.stdlib_module_names - {"agent", "__main__"}
    return [
        Row(
            quantity="agent on disk, packages",
            target="<= 1 MB, 0",
            measured=f"{size / 1e6:.2f} MB, {len(foreign)}",
            spread="its source files; loaded without site-packages",
            holds=size <= 1e6 and not foreign,
        )
    ]


def _agent(folder: Path) -> AgentProcess:
    agent = AgentProcess(CODE, folder, sys.executable, "/", reading=True)
    agent.hello()
    return agent
