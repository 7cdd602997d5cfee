"""`fedrack plan`: what training would cost, by method, and what of it fits a budget or a board."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.cli.paths import INVENTORY
from harness.fit.forecast import Choice, Holder, cheapest, forecast, measured_floors
from harness.load import load_inventory
from harness.units import bytes_from_mib, show_bytes, show_seconds

WORDS = {True: "fits", False: "too large", None: "–"}
LINK_MBIT = 100.0  # OURS: what a board's Wi-Fi or fast Ethernet gives


@click.command()
@click.option("--model", required=True, help="A model of the catalogue.")
@click.option("--batch", default=32, show_default=True, type=click.IntRange(min=2))
@click.option("--budget", "budget_mib", type=float, help="Process memory in MiB.")
@click.option("--devices", help="Take the budgets of these boards instead: a group, a host, or a comma list.")
@click.option("--measured", type=click.Path(path_type=Path), help="Folder of a run: take its boards' measured floors.")
@click.option("--mbit", default=LINK_MBIT, show_default=True, type=click.FloatRange(min=0, min_open=True),
              help="Rate of the link, for the exchange with an edge server.")  # fmt: skip
@INVENTORY
def plan(
    model: str, batch: int, budget_mib: float | None, devices: str | None, measured: Path | None, mbit: float,
    inventory: Path,
) -> None:  # fmt: skip
    """Predict peaks of tensors and process, a step's time, and bytes on the wire for a round and for a batch, of every
    method, and name the quickest that fits. Connects to no board: seconds and workspace are this machine's."""
    if budget_mib is not None and devices is not None:
        raise click.UsageError("give --budget or --devices, not both")
    holders = {"": Holder(budget_bytes=None if budget_mib is None else bytes_from_mib(budget_mib))}
    if devices is not None:
        floors = measured_floors(measured) if measured else {}
        holders = {
            board.name: Holder(budget_bytes=board.memory_budget_bytes, floor_bytes=floors.get(board.name))
            for board in load_inventory(inventory).select(devices)
        }
    different = list(dict.fromkeys(holders.values()))
    choices = dict(zip(different, forecast(model, batch, different), strict=True))
    for board, holder in holders.items():
        limit = "no budget" if holder.budget_bytes is None else f"budget {show_bytes(holder.budget_bytes)}"
        title = ", ".join(part for part in (board, model, f"batch {batch}", limit) if part)
        Console().print(_table(title, choices[holder], mbit))


def _table(title: str, choices: Sequence[Choice], mbit: float) -> Table:
    columns = ("method", "how", "tensors", "process", "step", "a round", "a batch", "", "batch")
    table = Table(*columns, title=title, caption=f"batch: the largest, about; quickest: at {mbit:g} Mbit/s")
    best = cheapest(choices, mbit)
    for choice in choices:
        fits = "quickest" if choice is best else WORDS[choice.fits]
        table.add_row(
            choice.method,
            choice.setting,
            show_bytes(choice.peak_tensor_bytes),
            show_bytes(choice.peak_process_bytes),
            show_seconds(choice.step_s),
            show_bytes(choice.round_bytes),
            show_bytes(choice.batch_bytes),
            fits,
            "–" if choice.largest_batch is None else f"{choice.largest_batch}",
        )
    return table
