"""`fedrack nightly`: a night's run, set beside the nights before it."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
from rich.console import Console

from harness.cli.bench import EXIT_SOME_UNMEASURED, bench
from harness.cli.paths import DEVICES, INVENTORY, REPORT, RESULTS, SPARES, STUDY
from harness.nightly.findings import shifts, text_of
from harness.nightly.history import append, rows_of
from harness.store import RunFolder
from reports.build import Built, write
from reports.compare import merged, prepared
from reports.nights import nights
from reports.read import read_run

EXIT_CHANGED = 4
FOLDER = ".nights"  # below the results
HISTORY = "history.parquet"


@click.command()
@INVENTORY
@DEVICES
@REPORT
@RESULTS
@STUDY
@SPARES
@click.option("--add", "run_id", metavar="RUN_ID", help="Take a run that is there instead of running one.")
@click.pass_context
def nightly(
    context: click.Context, inventory: Path, devices: str, report: str, results: Path, study: Path | None,
    spares: str | None, run_id: str | None,
) -> None:  # fmt: skip
    """Run a report's cells and say what has changed against the nights before.

    Exit codes: 0 no change, 3 no change but some boards could not be measured, 4 something changed, others as bench.
    """
    code = 0
    if run_id is None:
        try:
            context.invoke(bench, inventory=inventory, devices=devices, report=report, results=results, study=study,
                           spares=spares, resume=None)  # fmt: skip
        except click.exceptions.Exit as ended:
            code = ended.exit_code
            if code != EXIT_SOME_UNMEASURED:
                raise
        run_id = max(path.name for path in (results / report).iterdir() if path.is_dir())
    folder = RunFolder.find(results, report, run_id)
    text, built, changed = add_night(folder, results / FOLDER / report)
    console = Console()
    console.print(f"Nights:\n  {built.html}", markup=False, highlight=False, soft_wrap=True)
    click.echo(text)
    raise click.exceptions.Exit(EXIT_CHANGED if changed else code)


def add_night(folder: RunFolder, nights_folder: Path) -> tuple[str, Built, bool]:
    """Put a run into the history and draw the page; returns the short text, the page, and whether anything changed."""
    run = read_run(folder.path)
    rows = pd.DataFrame(rows_of(merged(prepared(run)), {**run.manifest, "run_id": folder.run_id}))
    history = append(nights_folder / HISTORY, rows)
    found = shifts(history)
    text = text_of(folder.run_id, found)
    (nights_folder / "tonight.txt").write_text(text + "\n", encoding="utf-8")
    return text, write(nights_folder, nights(history, found)), any(shift.run_id == folder.run_id for shift in found)
