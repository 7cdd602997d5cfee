"""`fedrack provision`: from a board that answers to one that can work."""

from __future__ import annotations

import getpass
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli.paths import DEVICES, INVENTORY, RESULTS
from harness.connect import connect
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.provision.pins import images_of, pin
from harness.provision.privileged import sudoers
from harness.provision.rack import Outcome, Told, plan_offline, provision
from harness.provision.steps import Step
from harness.states import FOLDER, States
from harness.virtual.embedded import EmbeddedRack
from harness.wheels.cache import Cache, default_folder

EXIT_SOME_FAILED = 3


@click.command("provision")
@INVENTORY
@DEVICES
@RESULTS
@click.option("--dry-run", is_flag=True, help="Ask the boards, print the plan, change nothing.")
@click.option("--offline", is_flag=True, help="Print what fresh boards would need. Connects to none.")
@click.option("--sudoers", "only_sudoers", is_flag=True, help="Print the rules for sudo that the boards need, and end.")
@click.option("--cache", "cache_folder", type=click.Path(path_type=Path), help="Wheels.  [default: ~/.cache/fedrack]")
@click.option(
    "--pin",
    "pin_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="WHEEL",
    help="Vouch for a vendor's wheel that you have compared; images without its hash take it from now on.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per board instead of words.")
def provision_command(
    inventory: Path,
    devices: str,
    results: Path,
    dry_run: bool,
    offline: bool,
    only_sudoers: bool,
    cache_folder: Path | None,
    pin_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Install each board's image. A second time does nothing.

    Exit codes: 0 all boards as they should be (or planned), 2 bad input, 3 some boards failed or were refused.
    """
    console = Console()
    boards = load_inventory(inventory).select(devices)
    cache = Cache(cache_folder or default_folder())
    for wheel in pin_files:
        _print(console, f"{wheel.name}: pinned with SHA-256 {pin(cache.folder, wheel)}")
    images = images_of(boards, cache.folder)
    if only_sudoers:
        users = {board.user for board in boards if board.virtual is None} or {getpass.getuser()}
        for user in sorted(users):
            print(sudoers(user, [image.packages for image in images.values()]), end="")
        return
    if offline:
        outcomes = [Outcome(board=made.board, plan=made) for made in plan_offline(boards, images)]
    else:
        states = States(results / FOLDER)
        told = _teller(console, quiet=as_json)
        enter_lab(boards)
        with EmbeddedRack(boards, results / ".virtual") as rack:
            specs = rack.resolve(boards)
            outcomes = provision(specs, images, connect, cache, states, dry_run=dry_run, told=told)
    _show(console, outcomes, plans=dry_run or offline, as_json=as_json)
    if not all(outcome.well for outcome in outcomes):
        raise click.exceptions.Exit(EXIT_SOME_FAILED)


def _teller(console: Console, *, quiet: bool) -> Told:
    """Each step as it begins; boards take turns, so each line carries its board."""
    lock = threading.Lock()

    def told(board: str, step: Step) -> None:
        if not quiet:
            with lock:
                _print(console, f"{board}: {step.why}")

    return told


def _show(console: Console, outcomes: Iterable[Outcome], *, plans: bool, as_json: bool) -> None:
    for outcome in outcomes:
        if as_json:
            print(json.dumps(_as_data(outcome)))
            continue
        for line in _lines(outcome, plans=plans):
            _print(console, line)


def _lines(outcome: Outcome, *, plans: bool) -> list[str]:
    made, failure = outcome.plan, outcome.failure
    if failure is not None:
        doing = f"while: {outcome.step.why}" if outcome.step else ""
        return [failure.message, *(f"  {line}" for line in (doing, failure.remedy) if line)]
    assert made is not None
    if made.refusals:
        return [f"{made.board}: refused, nothing was changed", *(f"  {reason}" for reason in made.refusals)]
    if not made.steps:
        return [f"{made.board}: as it should be ({made.image})"]
    if not plans:
        return [f"{made.board}: provisioned with {made.image}, {len(made.steps)} steps"]
    basis = "for a fresh board" if made.assumed else "as the board is now"
    steps = [f"  {number}. {step.why}\n     {_short(step.line)}" for number, step in enumerate(made.steps, 1)]
    return [f"{made.board}: {len(made.steps)} steps to {made.image}, {basis}", *steps]


def _short(text: str) -> str:
    """One line of a command; `--json` has it whole."""
    line = " ".join(text.split())
    return line if len(line) <= 150 else f"{line[:147]}..."


def _as_data(outcome: Outcome) -> dict[str, Any]:
    made, error = outcome.plan, outcome.failure
    failure = {"outcome": error.outcome, "message": error.message, "remedy": error.remedy} if error else None
    return {
        "board": outcome.board,
        "image": made.image if made else None,
        "steps": [{"do": step.line, "why": step.why} for step in made.steps] if made else [],
        "refusals": list(made.refusals) if made else [],
        "failure": failure,
        "failed_step": outcome.step.why if outcome.step and error else None,
    }


def _print(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
