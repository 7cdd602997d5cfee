"""`fedrack export`: a run's tables, figure data, tracking entries and provenance bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from harness.cli.paths import REPORT, RESULTS
from harness.export.bundle import write_bundle
from harness.export.tables import write_tables
from harness.export.tracking import entries, log_to_mlflow
from harness.frame.schema import FRAMES
from harness.store import RunFolder
from reports.build import build_report
from reports.figure_data import write_figure_data
from reports.read import read_run


@click.command()
@REPORT
@RESULTS
@click.option("--out", type=click.Path(path_type=Path), help="Folder to write to.  [default: <run>-export beside it]")
@click.option("--mlflow", is_flag=True, help="Also log the cells to MLflow, where MLFLOW_TRACKING_URI points.")
@click.option("--bundle", is_flag=True, help="Only the provenance bundle: fedrack report --bundle draws it anywhere.")
@click.argument("run_id")
def export(report: str, results: Path, out: Path | None, mlflow: bool, bundle: bool, run_id: str) -> None:
    """Write RUN_ID as CSV and parquet with units, the data of each figure, and entries for a tracker."""
    folder = RunFolder.find(results, report, run_id)
    out = out or folder.path.with_name(f"{run_id}-export")
    console = Console()
    if bundle:
        console.print(f"{write_bundle(folder.path, out)}", markup=False, highlight=False, soft_wrap=True)
        return
    run = read_run(folder.path)
    write_tables({name: getattr(run, name) for name in FRAMES}, out)
    write_figure_data(build_report(folder.path).json, out / "figures")
    every = list(entries(run.cells, run.manifest))
    (out / "tracking.json").write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")
    if mlflow:
        log_to_mlflow(every, report)
    console.print(f"{out}", markup=False, highlight=False, soft_wrap=True)
