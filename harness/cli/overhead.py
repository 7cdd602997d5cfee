"""`fedrack overhead`: what our own sampling costs the training beside it."""

from __future__ import annotations

import json
import queue
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.bench import waking
from harness.board.board import ALLOCATORS, Board
from harness.cli.paths import DEVICES, INVENTORY, RESULTS
from harness.errors import FedRackError
from harness.load import load_inventory
from harness.overhead import Overhead, alternate, analyse
from harness.payload import Payload, code_payload
from harness.rack import Rack
from harness.store import read_lines

OUT = "run/overhead"
START_ALLOWANCE_S = 10.0  # torch's import and the warm-up


@click.command()
@INVENTORY
@DEVICES
@RESULTS
@click.option("--rate", "rate_hz", type=float, default=10.0, show_default=True, help="Samples per second.")
@click.option("--pairs", default=15, show_default=True, help="Stretches with and without sampling.")
@click.option("--half", "half_s", default=3.0, show_default=True, help="Seconds of a stretch.")
@click.option("--model", default="cnn", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per board instead of words.")
def overhead(
    inventory: Path, devices: str, results: Path, rate_hz: float, pairs: int, half_s: float, model: str, as_json: bool
) -> None:
    """Measure the slow-down of training by the agent and its sidecars, with a 95 % interval from interleaved pairs.

    What a vendor's own service does (that of jtop) runs through both sides: its cost is not in the figure.
    """
    console = Console()
    code = code_payload()
    with waking(load_inventory(inventory).select(devices), results / ".virtual") as rack:
        rack.prepare("overhead", [code], lambda board: None)
        for board in rack.boards.values():
            if board.failure is not None:
                raise board.failure
            found = measure(rack, board, code, model, rate_hz, pairs, half_s)
            line = json.dumps({"board": board.name, "rate_hz": rate_hz, **vars(found)}) if as_json else (
                f"{board.name}: sampling at {rate_hz:g} Hz slows training by {found.sentence}")  # fmt: skip
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def measure(rack: Rack, board: Board, code: Payload, model: str, rate_hz: float, pairs: int, half_s: float) -> Overhead:
    """One board. The training process runs through; the agent is paused now and then beside it."""
    seconds = START_ALLOWANCE_S + (2 * pairs + 1) * half_s
    program = [board.spec.python, "-m", "fl_core.steady", "--model", model, "--seconds", str(seconds)]
    environment = {"PYTHONPATH": code.folder, "OMP_NUM_THREADS": "1", **ALLOCATORS["fixed"]}
    started = board.start_program([*program, "--out", f"{OUT}/steps.json"], OUT, environment, None, rate_hz)
    alternate(partial(board.pause_observer, started["sidecar_pids"]), pairs, half_s)
    _wait_for_exit(rack, seconds)
    board.worker_ended()
    with tempfile.TemporaryDirectory() as folder:
        board.collect(OUT, Path(folder), ["steps.json"])
        steps = Path(folder) / "steps.json"
        if not steps.is_file():
            raise FedRackError(f"{board.name}: the training load failed: {_tail(Path(folder) / 'worker.log')}")
        lines = [line for line in read_lines(Path(folder) / "samples.jsonl") if "cpu_agent_s" in line]
        samples = [(float(line["t_s"]), float(line["cpu_agent_s"])) for line in lines]
        return analyse(json.loads(steps.read_text())["steps"], samples)


def _wait_for_exit(rack: Rack, seconds: float) -> None:
    try:
        event: dict[str, Any] = {}
        while event.get("event") not in ("exit", "closed"):
            event = rack.inbox.get(timeout=seconds + START_ALLOWANCE_S).event
    except queue.Empty:
        raise FedRackError("the training load did not end in time") from None


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-300:].strip() if log.is_file() else "no log"
