"""`fedrack plan`: what training would cost, by method, and what of it fits a budget or a board."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from harness.board.board import ALLOCATORS
from harness.cli.paths import INVENTORY
from harness.errors import FedRackError
from harness.load import load_inventory
from harness.units import bytes_from_mib, show_bytes, show_seconds

SHAPE, CLASSES = (3, 32, 32), 10  # of CIFAR, which the models here are made for
WORDS = {True: "fits", False: "too large", None: "–"}


@click.command()
@click.option("--model", required=True, help="A model of the catalogue.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=2))
@click.option("--budget", "budget_mib", type=float, help="Process memory in MiB.")
@click.option("--devices", help="Take the budgets of these boards instead: a group, a host, or a comma list.")
@INVENTORY
def plan(model: str, batch: int, budget_mib: float | None, devices: str | None, inventory: Path) -> None:
    """Predict peaks of tensors and process, a step's time, and bytes on the wire for a round and for a batch, of every
    method. Connects to no board: seconds, interpreter and workspace are this machine's."""
    if budget_mib is not None and devices is not None:
        raise click.UsageError("give --budget or --devices, not both")
    budgets: dict[str, int | None] = {"": None if budget_mib is None else bytes_from_mib(budget_mib)}
    if devices is not None:
        budgets = {board.name: board.memory_budget_bytes for board in load_inventory(inventory).select(devices)}
    choices = forecast(model, batch, sorted(set(budgets.values()), key=str))
    for board, most in budgets.items():
        limit = "no budget" if most is None else f"budget {show_bytes(most)}"
        Console().print(
            _table(", ".join(part for part in (board, model, f"batch {batch}", limit) if part), choices[most])
        )


def forecast(model: str, batch: int, budgets: list[int | None]) -> dict[int | None, list[dict[str, Any]]]:
    """The FL core's choices by budget, from a process that trains as a worker does."""
    asked = {"model": model, "shape": SHAPE, "classes": CLASSES, "batch": batch, "budgets": budgets}
    done = subprocess.run(
        [sys.executable, "-m", "fl_core.forecast"],
        input=json.dumps(asked),
        env={**os.environ, "OMP_NUM_THREADS": "1", **ALLOCATORS["fixed"]},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise FedRackError(f"{model} cannot be profiled here: {done.stderr.strip().splitlines()[-1]}")
    return dict(zip(budgets, json.loads(done.stdout.splitlines()[-1]), strict=True))


def _table(title: str, choices: list[dict[str, Any]]) -> Table:
    table = Table("method", "tensors", "process", "step", "a round", "a batch", "", "batch up to", title=title)
    for choice in choices:
        largest = choice["largest_batch"]
        table.add_row(
            " ".join(part for part in (choice["method"], choice["setting"]) if part),
            show_bytes(choice["peak_tensor_bytes"]),
            show_bytes(choice["peak_process_bytes"]),
            show_seconds(choice["step_s"]),
            show_bytes(choice["round_bytes"]),
            show_bytes(choice["batch_bytes"]),
            WORDS[choice["fits"]],
            "–" if largest is None else f"about {largest}",
        )
    return table
