"""What the agent costs: CPU of one tick and its resident memory. `agent_tick [--json]`

The real agent watches an idle process, once with this machine's own sensors and once with those of a recorded x86
board (RAPL, core clocks, temperatures; plain files, with this machine's /proc). Its CPU per tick is taken from the
trace, so it holds everything: waking up, reading, writing the line, and the share of what is read once a second. What
this machine takes for waking a Python that does nothing at all stands beside it: no sampler can do with less.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
X86 = "x86-debian12-*"
TARGET_S, TARGET_RSS = 0.3e-3, 25e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each repetition")
    parser.add_argument("--rates", type=float, nargs="+", default=[10.0, 50.0], help="ticks a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        recorded = _recorded_board(Path(name) / "board")
        results = [
            _measured(board, sysroot, rate_hz, options.repetitions, options.seconds, Path(name) / "lease")
            for board, sysroot in (("this machine", "/"), ("recorded x86", str(recorded)))
            for rate_hz in options.rates
        ]
    report = {"machine": _machine(), "target_cpu_s": TARGET_S, "target_rss_bytes": TARGET_RSS, "results": results}
    print(json.dumps(report, indent=1) if options.json else _text(report))


def _recorded_board(folder: Path) -> Path:
    shutil.copytree(next((PROJECT / "tests/recorded").glob(X86)), folder, symlinks=True)
    shutil.rmtree(folder / "proc")
    (folder / "proc").symlink_to("/proc")
    return folder


def _measured(
    board: str, sysroot: str, rate_hz: float, repetitions: int, seconds: float, folder: Path
) -> dict[str, Any]:
    runs = [_run(sysroot, rate_hz, seconds, folder) for _ in range(repetitions)]
    tick_s = [run["tick_s"] for run in runs]
    return {
        "board": board,
        "rate_hz": rate_hz,
        "sensors": runs[0]["sensors"],
        "cpu_per_tick_s": {"median": statistics.median(tick_s), "least": min(tick_s), "most": max(tick_s)},
        "bare_wake_s": statistics.median(_bare_wake_s(rate_hz, seconds / 2) for _ in range(3)),
        "rss_bytes": max(run["rss_bytes"] for run in runs),
        "late_p99_s": statistics.median(run["late_p99_s"] for run in runs),
        "repetitions": repetitions,
    }


def _run(sysroot: str, rate_hz: float, seconds: float, folder: Path) -> dict[str, Any]:
    """One worker's life. PSS is off: it paces itself to 0.5 % of a core, whatever the rate."""
    folder.mkdir(exist_ok=True)
    start = {"do": "start", "argv": ["sleep", str(seconds)], "out": "out", "rate_hz": rate_hz, "pss_rate_hz": 0}
    agent = subprocess.Popen(
        [sys.executable, "-m", "harness.agent", "--root", str(folder), "--sysroot", sysroot],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert agent.stdin and agent.stdout
    for request in ({"do": "hello", "holder": {"user": "benchmark"}}, start):
        agent.stdin.write(json.dumps(request) + "\n")
        agent.stdin.flush()
    for line in agent.stdout:
        message = json.loads(line)
        if message.get("ok") is False:
            raise SystemExit(f"the agent refused: {message}")
        if "sample" in message:
            rss_bytes = _rss_bytes(agent.pid)
        if message.get("event") == "exit":
            break
    agent.communicate('{"do": "bye"}\n', timeout=10)
    trace = [json.loads(line) for line in (folder / "out/samples.jsonl").read_text().splitlines()]
    samples = [record for record in trace if "t_s" in record]
    # the first tick opens and follows what later ones only read
    spent_s = samples[-1]["cpu_agent_s"] - samples[1]["cpu_agent_s"]
    late_s = sorted(sample["late_s"] for sample in samples)
    return {
        "tick_s": spent_s / (len(samples) - 2),
        "late_p99_s": late_s[int(0.99 * (len(late_s) - 1))],
        "rss_bytes": rss_bytes,
        "sensors": len(samples[0]) + len(samples[0].get("sensors", {})),
    }


def _bare_wake_s(rate_hz: float, seconds: float) -> float:
    ticks = max(1, int(rate_hz * seconds))
    start_s, spent_s = time.monotonic(), time.process_time()
    for number in range(1, ticks + 1):
        select.select([], [], [], max(0.0, start_s + number / rate_hz - time.monotonic()))
    return (time.process_time() - spent_s) / ticks


def _rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _machine() -> dict[str, Any]:
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": cpu[0].partition(":")[2].strip() if cpu else platform.machine(),
        "cpu_count": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_1_min": os.getloadavg()[0],
    }


def _text(report: dict[str, Any]) -> str:
    machine = report["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cpu_count']} cores, {machine['system']}, Python {machine['python']}, "
        f"load {machine['load_1_min']:.2f}",
        f"{'sensors of':14} {'Hz':>4} {'values':>6}  CPU of a tick: median (least .. most)  bare wake  late p99   RSS",
    ]
    for row in report["results"]:
        cpu = {name: value * 1e3 for name, value in row["cpu_per_tick_s"].items()}
        lines.append(
            f"{row['board']:14} {row['rate_hz']:4.0f} {row['sensors']:6}  "
            f"{cpu['median']:.3f} ms ({cpu['least']:.3f} .. {cpu['most']:.3f})".ljust(68)
            + f"{row['bare_wake_s'] * 1e3:.3f} ms  {row['late_p99_s'] * 1e3:5.2f} ms  {row['rss_bytes'] / 1e6:.1f} MB"
        )
    lines.append(f"targets: {TARGET_S * 1e3:.1f} ms, {TARGET_RSS / 1e6:.0f} MB")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
