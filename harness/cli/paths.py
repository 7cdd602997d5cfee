"""Where things lie, seen from the project's folder: options shared by the commands."""

from __future__ import annotations

from pathlib import Path

import click

from reports.registry import find

INVENTORY = click.option(
    "--inventory", type=click.Path(path_type=Path), default=Path("inventories/virtual.yaml"), show_default=True
)
DEVICES = click.option("--devices", default="all", show_default=True, help="A group, a host, or a comma list of them.")
REPORT = click.option("--report", default="quick", show_default=True, help="A folder of reports/, or an installed one.")
RESULTS = click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
STUDY = click.option(
    "--study", type=click.Path(path_type=Path), help="Cells to run instead of the report's own study.yaml."
)
SPARES = click.option("--spares", metavar="PATTERN", help="Boards that may stand in for a twin of theirs that fails.")


def study_file(report: str) -> Path:
    """The study of a report, beside the code that draws it."""
    return find(report).study
