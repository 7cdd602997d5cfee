"""`fedrack lab`: a rack of namespace boards on this machine, and faults to rehearse on it."""

from __future__ import annotations

import re
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.errors import FedRackError, UnknownName
from harness.fault_kinds import FaultKind
from harness.inventory import LAB_NAME
from harness.lab import faults, needs
from harness.lab import lab as labs
from harness.lab.build import build
from harness.lab.plan import Lab, known_labs, read_plan

NAME = click.option("--name", default="lab", show_default=True, help="One machine may hold several labs.")


@click.group()
def lab() -> None:
    """A rack of namespace boards on this machine. Needs Linux and root."""


@lab.command()
@NAME
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    default=Path("inventories/namespace.yaml"),
    show_default=True,
    help="An inventory whose boards say `virtual: namespace`.",
)
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    default=Path("inventories/lab.yaml"),
    show_default=True,
    help="Where to write the inventory for the other commands.",
)
def up(name: str, plan: Path, inventory: Path) -> None:
    """Build the rack; where that fails, what was made is removed again."""
    if not re.match(LAB_NAME, name):
        raise FedRackError(f"{name!r} cannot name a lab", remedy="use up to 20 of a-z, 0-9 and `-`, a letter first")
    made = build(name, plan, inventory)
    Console().print(f"{len(made.boards)} boards are up. Next:  fedrack bench --inventory {inventory}", highlight=False)


@lab.command()
@NAME
def down(name: str) -> None:
    """Remove the rack and every trace of it, also after `up` was cut off."""
    labs.down(name)
    Console().print(f"Nothing is left of lab {name!r}.", highlight=False)


@lab.command(name="list")
def list_labs() -> None:
    """The labs on this machine, and the faults of their boards."""
    table = Table("lab", "board", "class", "address", "faults")
    for name in known_labs():
        plan = read_plan(name)
        for board in plan.boards if plan else ():
            table.add_row(name, board.name, board.board_class, board.address, ", ".join(sorted(faults.active(board))))
    Console().print(table)


@lab.command()
@NAME
@click.argument("board_name", metavar="BOARD")
@click.argument("kind", type=click.Choice([kind.value for kind in FaultKind]))
@click.option("--clear", is_flag=True, help="Take the fault back.")
def fault(name: str, board_name: str, kind: str, clear: bool) -> None:
    """Give a board a fault, or take it back."""
    machine = needs.require()
    board = _existing(name).board(board_name)
    (faults.end if clear else faults.begin)(board, FaultKind(kind), machine)


def _existing(name: str) -> Lab:
    plan = read_plan(name)
    if plan is None:
        raise UnknownName("lab", name, known_labs())
    return plan
