"""`fedrack lab`: a rack of namespace boards on this machine, faults to rehearse on it, and arm64 in emulation."""

from __future__ import annotations

import re
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.board_classes import BOARD_CLASSES
from harness.caches import cache_folder
from harness.emulated.cpu import STANDS_FOR
from harness.emulated.debian import debian, make_debian
from harness.emulated.machine import Machine, prepare, run
from harness.emulated.needs import require_machine
from harness.errors import FedRackError, UnknownName
from harness.fault_kinds import FaultKind
from harness.inventory import LAB_NAME
from harness.lab import faults, needs
from harness.lab import lab as labs
from harness.lab.build import build
from harness.lab.plan import Lab, known_labs, read_plan

EMULATED_CLASSES = {name for name, facts in BOARD_CLASSES.items() if facts.cpu in STANDS_FOR}
NAME = click.option("--name", default="lab", show_default=True, help="One machine may hold several labs.")


@click.group()
def lab() -> None:
    """A rack of namespace and emulated boards on this machine. Needs Linux and root."""


@lab.command()
@NAME
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    default=Path("inventories/namespace.yaml"),
    show_default=True,
    help="An inventory whose boards say `virtual: namespace` or `virtual: emulated`.",
)
@click.option(
    "--inventory",
    type=click.Path(path_type=Path),
    default=Path("inventories/lab.yaml"),
    show_default=True,
    help="Where to write the inventory for the other commands.",
)
@click.option(
    "--jtop",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PYTHON",
    help="An interpreter with jetson-stats: its service runs on the Jetsons, and the agent's sidecar asks it.",
)
def up(name: str, plan: Path, inventory: Path, jtop: Path | None) -> None:
    """Build the rack; where that fails, what was made is removed again."""
    if not re.match(LAB_NAME, name):
        raise FedRackError(f"{name!r} cannot name a lab", remedy="use up to 20 of a-z, 0-9 and `-`, a letter first")
    made = build(name, plan, inventory, str(jtop.absolute()) if jtop else None)
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


@lab.command()
def arm64() -> None:
    """Fetch the Debian that emulated boards run, about 700 MB unpacked."""
    made = make_debian()
    Console().print(f"The arm64 system lies in {made.system}", highlight=False, soft_wrap=True)


@lab.command()
@click.option("--class", "board_class", type=click.Choice(sorted(EMULATED_CLASSES)), default="raspberry-pi-4")
@click.option("--port", type=click.IntRange(1024, 65535), default=2222, show_default=True, help="Of SSH, on 127.0.0.1.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where it is kept.  [default: in the user's cache]")
def machine(board_class: str, port: int, folder: Path | None) -> None:
    """Run a whole arm64 board in qemu, with a kernel of its own, until Ctrl-C."""
    require_machine()
    system = debian()
    folder = folder or cache_folder("emulated") / f"{board_class}-{port}"
    board = Machine(name=f"{board_class}-qemu", board_class=board_class, port=port, folder=folder.absolute())
    prepare(board)
    Console().print(f"It boots. When it is up:  fedrack doctor --inventory {board.inventory}", highlight=False)
    run(board, system)


def _existing(name: str) -> Lab:
    plan = read_plan(name)
    if plan is None:
        raise UnknownName("lab", name, known_labs())
    return plan
