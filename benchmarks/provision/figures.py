"""The figures of provisioning and preflight, on 32 embedded boards of this machine."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.table import Row
from harness.board.deploy import deploy
from harness.connect import connect
from harness.errors import HostKeyRefused
from harness.inventory import BoardSpec
from harness.load import load_inventory
from harness.payload import Payload, code_payload
from harness.side_by_side import side_by_side
from harness.virtual.embedded import EmbeddedRack

BOARDS, REPEATS = 32, 3
INVENTORY = f"""
all:
  vars: {{virtual: embedded, image: virtual, board_class: jetson-nano, memory_budget_mb: 512}}
  hosts: {{"b-[01:{BOARDS}]": }}
"""
REAL = f"""
all:
  vars: {{server_address: 192.0.2.1, board_class: raspberry-pi-4}}
  hosts: {{"pi-[01:{BOARDS}]": }}
"""
_COMMAND = [sys.executable, "-c", "from harness.cli import main; main()"]
_SECRET = re.compile(rb"PRIVATE KEY-----|pass(?:word)?\s*[=:]\s*\S|://[^/\s:@]+:[^/\s@]+@")


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "32.yaml").write_text(INVENTORY)
        (Path(folder) / "real.yaml").write_text(REAL)
        return [*_commands(Path(folder)), *_redeploy(Path(folder)), *_safety(Path(folder))]


def _commands(folder: Path) -> list[Row]:
    """Whole commands as a user runs them, Python's start included."""
    options = ["--inventory", str(folder / "32.yaml"), "--results", str(folder / "results")]
    offline = ["provision", "--inventory", str(folder / "real.yaml"), "--offline"]
    first_s = _timed(lambda: _run("provision", *options))
    return [
        _row(f"plan for {BOARDS} boards, offline", 2.0, lambda: _run(*offline)),
        Row(
            quantity=f"first provisioning of {BOARDS} boards",
            target="none",
            measured=f"{first_s:.1f} s",
            spread="once",
            holds=None,
            remark=f"torch is proved on each: {BOARDS} imports on this machine's cores",
        ),
        _row(f"no-op provisioning of {BOARDS} boards", 15.0, lambda: _run("provision", *options)),
        _row("no-op provisioning of one board", 5.0, lambda: _run("provision", *options, "--devices", "b-01")),
        _row(f"preflight of {BOARDS} boards", 15.0, lambda: _run("doctor", *options)),
    ]


def _redeploy(folder: Path) -> list[Row]:
    """Changed code to boards that are awake: connect, compare, copy, unpack."""
    specs, code = load_inventory(folder / "32.yaml").boards, code_payload()
    with EmbeddedRack(specs, folder / "redeploy") as rack:
        boards = rack.resolve(specs)
        number = iter(range(100))

        def once() -> None:
            changed = replace(code, digest=f"{next(number):016d}")
            side_by_side(boards, lambda spec: _deploy(spec, changed))

        return [_row(f"redeploy of changed code to {BOARDS} boards", 5.0, once)]


def _deploy(spec: BoardSpec, code: Payload) -> None:
    connection = connect(spec)
    try:
        deploy(connection, spec, [code])
    finally:
        connection.close()


def _safety(folder: Path) -> list[Row]:
    """Keys accepted without a pin, of all boards; files with something secret, of all that the commands above wrote."""
    specs = load_inventory(folder / "32.yaml").boards
    with EmbeddedRack(specs, folder / "keys") as rack:
        unpinned = [replace(spec, host_key=None, known_hosts=None) for spec in rack.resolve(specs)]
        accepted = sum(side_by_side(unpinned, _accepts))
    written = [path for path in (folder / "results").rglob("*") if path.is_file() and not path.name.endswith("_key")]
    secret = sum(bool(_SECRET.search(path.read_bytes())) for path in written)
    return [
        _count("host keys accepted without a pin", accepted, f"over {BOARDS} boards"),
        _count("secrets in artefacts", secret, f"over {len(written)} files"),
    ]


def _accepts(spec: BoardSpec) -> bool:
    try:
        connect(spec).close()
    except HostKeyRefused:
        return False
    return True


def _run(*words: str) -> None:
    done = subprocess.run([*_COMMAND, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout[-500:]}{done.stderr[-500:]}")


def _timed(work: Callable[[], None]) -> float:
    begin_s = time.monotonic()
    work()
    return time.monotonic() - begin_s


def _row(quantity: str, limit_s: float, work: Callable[[], None]) -> Row:
    times_s = [_timed(work) for _ in range(REPEATS)]
    median_s = statistics.median(times_s)
    holds = median_s <= limit_s
    return Row(
        quantity=quantity,
        target=f"<= {limit_s:g} s",
        measured=f"{median_s:.2f} s",
        spread=f"{min(times_s):.2f}..{max(times_s):.2f} s over {REPEATS} repetitions",
        holds=holds,
        remark="" if holds else f"{median_s - limit_s:.1f} s over; the boards share this machine's cores",
    )


def _count(quantity: str, number: int, spread: str) -> Row:
    return Row(quantity=quantity, target="0", measured=str(number), spread=spread, holds=number == 0)
