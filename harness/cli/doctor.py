"""`fedrack doctor`: what stands between each board and a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from harness.cli.paths import DEVICES, INVENTORY, RESULTS
from harness.connect import connect
from harness.doctor.base import Finding, Verdict
from harness.doctor.examine import Examined, examine_all
from harness.doctor.health import remember
from harness.lab.enter import enter_lab
from harness.load import load_inventory
from harness.payload import code_payload
from harness.provision.pins import images_of
from harness.states import FOLDER, States
from harness.virtual.embedded import EmbeddedRack
from harness.wheels.cache import default_folder

EXIT_SOME_FAILED = 3
_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "red", Verdict.UNKNOWN: "dim"}


@click.command()
@INVENTORY
@DEVICES
@RESULTS
@click.option("--deadline", "deadline_s", default=150.0, show_default=True, help="Seconds for a board, torch included.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per board instead of words.")
def doctor(inventory: Path, devices: str, results: Path, deadline_s: float, as_json: bool) -> None:
    """Examine boards, all at once: can a run start there, and would it mean what it says?

    Exit codes: 0 no check failed (warnings may stand), 2 bad input, 3 some check failed on some board.
    """
    boards = load_inventory(inventory).select(devices)
    images = images_of(boards, default_folder())
    enter_lab(boards)
    with EmbeddedRack(boards, results / ".virtual") as rack:
        examined = examine_all(rack.resolve(boards), images, connect, code_payload(), deadline_s)
    remember(States(results / FOLDER), examined)
    if as_json:
        for each in examined:
            print(json.dumps({"board": each.board, "well": each.well, "findings": [asdict(f) for f in each.findings]}))
    else:
        _show(Console(), examined)
    if not all(each.well for each in examined):
        raise click.exceptions.Exit(EXIT_SOME_FAILED)


def _show(console: Console, examined: Sequence[Examined]) -> None:
    for each in examined:
        console.print(each.board, style="bold", markup=False, highlight=False)
        for finding in each.findings:
            _show_finding(console, finding)


def _show_finding(console: Console, finding: Finding) -> None:
    style = _STYLES[finding.verdict]
    line = f"  {finding.verdict:8}{finding.check:19}{finding.evidence}"
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
    if finding.remedy and finding.verdict is not Verdict.OK:
        console.print(f"{'':29}{finding.remedy}", markup=False, highlight=False, soft_wrap=True)
