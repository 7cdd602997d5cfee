"""`fedrack boards`: what an inventory holds."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.cli.paths import DEVICES, INVENTORY
from harness.load import load_inventory
from harness.units import show_bytes


@click.command()
@INVENTORY
@DEVICES
def boards(inventory: Path, devices: str) -> None:
    """List the boards that --devices names. Connects to none."""
    table = Table("board", "class", "virtual", "where", "image", "memory budget", "groups")
    for board in load_inventory(inventory).select(devices):
        where = "given at start" if board.virtual == "embedded" else board.where
        budget = show_bytes(board.memory_budget_bytes) if board.memory_budget_bytes else "whole board"
        groups = ", ".join(board.groups)
        table.add_row(board.name, board.board_class, board.virtual or "no", where, board.image, budget, groups)
    Console().print(table)
