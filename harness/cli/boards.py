"""`fedrack boards`: what an inventory holds, what is known of each board, and who holds it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.cli.paths import DEVICES, INVENTORY, RESULTS
from harness.connect import connect
from harness.errors import BoardError
from harness.facts.base import read
from harness.facts.users import lease
from harness.inventory import BoardSpec
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.side_by_side import side_by_side
from harness.states import FOLDER, BoardRecord, State, States
from harness.units import show_bytes
from harness.virtual.embedded import EmbeddedRack


@click.command()
@INVENTORY
@DEVICES
@RESULTS
@click.option("--live", is_flag=True, help="Ask each board who holds it; otherwise no board is asked.")
@click.option("--quarantine", metavar="WHY", help="Take the boards out of use, and say why.")
@click.option("--release", is_flag=True, help="Forget what is known of them: quarantine and failures end.")
def boards(inventory: Path, devices: str, results: Path, live: bool, quarantine: str | None, release: bool) -> None:
    """List the boards that --devices names, with their states.

    unknown > reachable > provisioned > ready > running; broken and quarantined with their evidence and its remedy.
    Quarantined by rule (two failures in three tries, a failed health check): a passed `fedrack doctor` ends it, on
    probation. Quarantined by hand: --release ends it.
    """
    specs, states = load_inventory(inventory).select(devices), States(results / FOLDER)
    for spec in specs:
        if quarantine:
            states[spec.name] = states[spec.name].quarantined(quarantine)
        elif release:
            states[spec.name] = BoardRecord()
    held: dict[str, str] = {}
    if live:
        enter_lab(specs)
        with EmbeddedRack(specs, results / ".virtual") as rack:
            held = dict(side_by_side(rack.resolve(specs), lambda spec: _ask(spec, states)))
    Console().print(_table(specs, states, held))


def _ask(spec: BoardSpec, states: States) -> tuple[str, str]:
    """Who holds the board. That it answers, or does not, is remembered."""
    try:
        connection = connect(spec)
        try:
            found = read(connection, lease(spec.root, spec.python)).value
        finally:
            connection.close()
    except BoardError as error:
        states[spec.name] = states[spec.name].failed(error.message, error.remedy)
        return spec.name, "does not answer"
    states[spec.name] = states[spec.name].seen(State.REACHABLE)
    if found is None:
        return spec.name, "cannot be told"
    if found.held:
        return spec.name, found.holder or "somebody"
    states[spec.name] = states[spec.name].let_go()  # a run that was killed could not say that it has ended
    return spec.name, f"nobody; a lock of {found.holder} is stale" if found.stale else "nobody"


def _table(specs: tuple[BoardSpec, ...], states: States, held: dict[str, str]) -> Table:
    table = Table("board", "class", "virtual", "where", "image", "memory budget", "state", "held by", "groups")
    for spec in specs:
        where = "given at start" if spec.virtual == "embedded" else spec.where
        budget = show_bytes(spec.memory_budget_bytes) if spec.memory_budget_bytes else "whole board"
        about = (spec.name, spec.board_class, spec.virtual or "no", where, spec.image, budget)
        record = states[spec.name]
        cells = (*about, _state(record), held.get(spec.name, record.held_by), ", ".join(spec.groups))
        table.add_row(*(escape(cell) for cell in cells))
    return table


def _state(record: BoardRecord) -> str:
    """`quarantined since ..., by hand: fan rattles -> fedrack boards --release`."""
    since = f" since {record.since_utc}" if record.since_utc else ""
    marks = [", by hand"] if record.by_hand else [", on probation"] if record.probation else []
    why = f": {record.evidence}" if record.evidence else ""
    remedy = f" -> {record.remedy}" if record.remedy else ""
    return "".join([record.shown, since, *marks, why, remedy])
