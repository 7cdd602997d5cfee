"""`fedrack bench`: from inventory to report."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from rich.console import Console

from harness.bench import Finished, Plan
from harness.bench import bench as run_bench
from harness.cli.paths import DEVICES, INVENTORY, REPORT, RESULTS, SPARES, STUDY, study_file
from harness.cli.report import build_and_name
from harness.load import load_inventory, load_study
from harness.store import RunFolder

EXIT_SOME_UNMEASURED = 3
EXIT_INTERRUPTED = 130


@click.command()
@INVENTORY
@DEVICES
@REPORT
@RESULTS
@STUDY
@SPARES
@click.option("--resume", metavar="RUN_ID", help="Go on with a run that was cut off; its finished cells are kept.")
def bench(
    inventory: Path, devices: str, report: str, results: Path, study: Path | None, spares: str | None,
    resume: str | None,
) -> None:  # fmt: skip
    """Run a report's cells on boards and draw the report.

    Exit codes: 0 all boards measured, 2 bad input (nothing was started), 3 some boards could not be measured, or not be
    given their own settings back, 130 interrupted.
    """
    console = Console()
    loaded = load_inventory(inventory)
    boards = loaded.select(devices)
    cells = load_study(study or study_file(report))
    folder = RunFolder.find(results, report, resume) if resume else RunFolder.new(results, report)
    plan = Plan(
        study=cells,
        report=report,
        boards=boards,
        spares=tuple(spec for spec in loaded.select(spares) if spec not in boards) if spares else (),
        inventory=str(inventory),
        devices=devices,
        folder=folder,
        results=results,
        command=_command(inventory, devices, report, results, study, spares),
    )
    finished = _run(plan, console)
    build_and_name(console, folder)
    if finished.unmeasured:
        names = ", ".join(finished.unmeasured)
        console.print(f"Not measured in every cell: {names} (see Outcomes in the report).", style="yellow")
    if finished.not_restored:
        names = ", ".join(finished.not_restored)
        console.print(f"Left with settings of this run: {names} (the next run restores them first).", style="red")
    if finished.unmeasured or finished.not_restored:
        raise click.exceptions.Exit(EXIT_SOME_UNMEASURED)


def _command(inventory: Path, devices: str, report: str, results: Path, study: Path | None, spares: str | None) -> str:
    """How to ask for the same run again."""
    words = [sys.argv[0], "bench", "--inventory", inventory, "--devices", devices, "--report", report]
    words += ["--results", results] if results != Path("results") else []
    words += ["--study", study] if study else []
    words += ["--spares", spares] if spares else []
    return shlex.join(str(word) for word in words)


def _run(plan: Plan, console: Console) -> Finished:
    try:
        return run_bench(plan, console)
    except KeyboardInterrupt:
        if not plan.folder.path.is_dir():
            raise click.exceptions.Exit(EXIT_INTERRUPTED) from None  # nothing was begun
        done = len(plan.folder.verdicts())
        console.print(f"\nInterrupted: the boards are clean, {done} of {len(plan.cells)} cells are finished and kept.")
        console.print(
            f"Go on:  {plan.command} --resume {plan.folder.run_id}", markup=False, highlight=False, soft_wrap=True
        )
        raise click.exceptions.Exit(EXIT_INTERRUPTED) from None
