"""The figures of the virtual rack. Needs root; the labs are made and removed here."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.rack.labs import LAB, ask, lab, start, stop, traces
from benchmarks.table import Row
from harness.fault_kinds import FaultKind
from harness.lab import faults, needs
from harness.lab.plan import read_plan

NANO = {"board_class": "jetson-nano"}
REPEATS, PAIRS = 3, 7
DEADLINE_S = 3.0  # of the dead board
LINKS: dict[str, dict[str, float]] = {
    "plain": {},
    "rate-5": {"rate_mbit": 5},
    "rate-20": {"rate_mbit": 20},
    "rate-100": {"rate_mbit": 100},
    "delay-5": {"delay_ms": 5},
    "delay-20": {"delay_ms": 20},
    "delay-50": {"delay_ms": 50},
    "both": {"rate_mbit": 10, "delay_ms": 20},
}
KILL_AFTER_S = (1.5, 2.0, 2.5, 3.0)


def rows() -> list[Row]:
    return [_eight_up(), *_sixty_four(), *_one_dead(), *_budget(), *_links(), _down()]


def _spread(values: list[float], unit: str) -> str:
    return f"{min(values):.2f}..{max(values):.2f} {unit} over {len(values)} repetitions"


def _boards(count: int) -> dict[str, dict[str, Any]]:
    return {f"b{number:02}": dict(NANO) for number in range(count)}


def _eight_up() -> Row:
    took_s = []
    for _ in range(REPEATS):
        begun_s = time.monotonic()
        with lab(_boards(8)) as inventory:
            answers = ask(inventory, "fan_out")["with_login"]
            took_s.append(time.monotonic() - begun_s)
            assert {said for _, said in answers.values()} == {"here"}
    median = statistics.median(took_s)
    return Row(
        quantity="8 boards up, first command answered on all",
        target="<= 15 s",
        measured=f"{median:.1f} s",
        spread=_spread(took_s, "s"),
        holds=max(took_s) <= 15,
        remark="from the start of `lab up` to the end of a process that asks all of them",
    )


def _sixty_four() -> list[Row]:
    with lab(_boards(64)) as inventory:
        runs = [ask(inventory, "fan_out") for _ in range(REPEATS)]
    rows = []
    for key, name in (("with_login", "logins included"), ("standing", "connections standing")):
        assert all(said == "here" for run in runs for _, said in run[key].values())
        took_s = [max(at_s for at_s, _ in run[key].values()) for run in runs]
        holds = max(took_s) <= 3
        rows.append(
            Row(
                quantity=f"one command on 64 boards ({name})",
                target="<= 3 s",
                measured=f"{statistics.median(took_s):.2f} s",
                spread=_spread(took_s, "s"),
                holds=holds,
                remark="" if holds else "64 SSH handshakes on both sides share this machine's cores",
            )
        )
    rss_mb = [run["rss_bytes"] / 1e6 for run in runs]
    rows.append(
        Row(
            quantity="memory of the controller with 64 connections",
            target="<= 300 MB",
            measured=f"{statistics.median(rss_mb):.0f} MB",
            spread=_spread(rss_mb, "MB"),
            holds=max(rss_mb) <= 300,
        )
    )
    return rows


def _one_dead() -> list[Row]:
    """The same rack with the board's cable in and out, in turn."""
    delays_s, verdicts_s = [], []
    hosts = {**_boards(32), "b07": {**NANO, "connect_timeout_s": DEADLINE_S}}
    with lab(hosts) as inventory:
        plan, machine = read_plan(LAB), needs.require()
        assert plan is not None
        for _ in range(PAIRS):
            whole = ask(inventory, "fan_out")["with_login"]
            faults.begin(plan.board("b07"), FaultKind.LINK_DOWN, machine)
            dead = ask(inventory, "fan_out")["with_login"]
            faults.end(plan.board("b07"), FaultKind.LINK_DOWN, machine)
            verdicts_s.append(dead.pop("b07")[0])
            assert {said for _, said in dead.values()} == {"here"}
            delays_s.append(max(at_s for at_s, _ in dead.values()) - max(whole[name][0] for name in dead))
    median = statistics.median(delays_s)
    return [
        Row(
            quantity="one dead board of 32: delay of the rest",
            target="<= 1 s",
            measured=f"{median:+.2f} s",
            spread=_spread(delays_s, "s") + ", in pairs",
            holds=median <= 1,
        ),
        Row(
            quantity="one dead board of 32: its own verdict",
            target=f"within its deadline ({DEADLINE_S:g} s)",
            measured=f"{statistics.median(verdicts_s):.2f} s",
            spread=_spread(verdicts_s, "s"),
            holds=max(verdicts_s) <= DEADLINE_S + 0.5,
            remark="half a second allowed for the thread that speaks it",
        ),
    ]


def _budget() -> list[Row]:
    with lab(_boards(3)) as inventory:
        runs = [ask(inventory, "budget") for _ in range(REPEATS)]
    over = [run["b00"]["cgroup_peak_bytes"] / run["b00"]["budget_bytes"] - 1 for run in runs]
    killed = all(run["b00"]["signal"] == 9 and run["b00"]["oom_kills"] == 1 for run in runs)
    spared = all(run[name]["returncode"] == 0 and not run[name]["oom_kills"] for run in runs for name in ("b01", "b02"))
    return [
        Row(
            quantity="memory limit: peak charge of a killed worker against its budget",
            target="within 1 %",
            measured=f"{statistics.median(over) * 100:+.2f} %",
            spread=f"{min(over) * 100:+.2f}..{max(over) * 100:+.2f} % over {REPEATS} repetitions",
            holds=killed and max(map(abs, over)) <= 0.01,
        ),
        Row(
            quantity="memory limit: neighbours",
            target="untouched",
            measured="untouched" if spared else "touched",
            spread=f"2 boards, {REPEATS} repetitions",
            holds=spared,
        ),
    ]


def _links() -> list[Row]:
    hosts = {name: {**NANO, **({"link": link} if link else {})} for name, link in LINKS.items()}
    with lab(hosts) as inventory:
        runs = [ask(inventory, "link") for _ in range(REPEATS)]
    rows = []
    for name, link in LINKS.items():
        if "rate_mbit" in link:
            off = [run[name]["rate_mbit"] / link["rate_mbit"] - 1 for run in runs]
            rows.append(
                Row(
                    quantity=f"link {_words(link)}: rate on the wire",
                    target="within 5 %",
                    measured=f"{statistics.median(off) * 100:+.1f} %",
                    spread=f"{min(off) * 100:+.1f}..{max(off) * 100:+.1f} % over {REPEATS} repetitions",
                    holds=max(map(abs, off)) <= 0.05,
                )
            )
        if "delay_ms" in link:
            plain_ms = statistics.median(run["plain"]["round_trip_s"] for run in runs) * 500
            off_ms = [run[name]["round_trip_s"] * 500 - plain_ms - link["delay_ms"] for run in runs]
            rows.append(
                Row(
                    quantity=f"link {_words(link)}: added delay, each way",
                    target="within 2 ms or 10 %",
                    measured=f"{statistics.median(off_ms):+.2f} ms",
                    spread=f"{min(off_ms):+.2f}..{max(off_ms):+.2f} ms over {REPEATS} repetitions",
                    holds=max(map(abs, off_ms)) <= max(2.0, 0.1 * link["delay_ms"]),
                )
            )
    return rows


def _words(link: dict[str, float]) -> str:
    return ", ".join(f"{value:g} {key.rpartition('_')[2].replace('mbit', 'Mbit/s')}" for key, value in link.items())


def _down() -> Row:
    left = 0
    for after_s in KILL_AFTER_S:
        with tempfile.TemporaryDirectory() as folder:
            up = start(Path(folder), _boards(8))
            time.sleep(after_s)
            os.kill(up.pid, signal.SIGKILL)
            up.wait()
            if traces():
                stop()
            left += len(traces())
    return Row(
        quantity="traces after `lab up` was killed and `lab down`",
        target="none",
        measured=str(left),
        spread=f"killed after {', '.join(f'{s:g}' for s in KILL_AFTER_S)} s",
        holds=left == 0,
    )
