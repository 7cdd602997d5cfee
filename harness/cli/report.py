"""`fedrack report`: draw a run's report again."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from harness.cli.paths import REPORT, RESULTS
from harness.export.bundle import open_bundle
from harness.frame.build import build_frames
from harness.store import RunFolder
from reports.build import build_report


@click.command()
@REPORT
@RESULTS
@click.option("--bundle", is_flag=True, help="RUN_ID is the path of a provenance bundle; it is unpacked first.")
@click.argument("run_id")
def report(report: str, results: Path, bundle: bool, run_id: str) -> None:
    """Build the frames and the report of RUN_ID anew from its raw files."""
    if bundle:
        folder = RunFolder(path=open_bundle(Path(run_id), results / report))
    else:
        folder = RunFolder.find(results, report, run_id)
    folder.read_manifest()
    build_frames(folder)
    build_and_name(Console(), folder)


def build_and_name(console: Console, folder: RunFolder) -> None:
    """Draw the report and print where it lies."""
    built = build_report(folder.path)
    console.print("Report:", style="bold")
    for path in (built.html, built.pdf):
        console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)
