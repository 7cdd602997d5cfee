"""`fedrack compare`: two runs of a report, number by number."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from harness.cli.paths import REPORT, RESULTS
from harness.store import RunFolder
from reports.between import Pair, pairs
from reports.read import read_run

EXIT_DIFFERS = 4
STYLES = {"differs": "yellow", "not comparable": "dim", "unsure": "dim", "same": ""}


@click.command()
@REPORT
@RESULTS
@click.option("--all", "everything", is_flag=True, help="Also what is the same.")
@click.argument("first")
@click.argument("second")
def compare(report: str, results: Path, everything: bool, first: str, second: str) -> None:
    """Set run SECOND beside run FIRST: ratios with 95 % intervals, only where circumstances agree.

    Exit codes: 0 nothing differs, 4 something does.
    """
    found = pairs(*(read_run(RunFolder.find(results, report, name).path) for name in (first, second)))
    table = Table("board", "cell", "metric", "first", "second", "ratio", "verdict", "why")
    for pair in found:
        if everything or pair.verdict != "same":
            table.add_row(*_row(pair), style=STYLES[pair.verdict])
    console = Console()
    if table.row_count:
        console.print(table)
    counts = {verdict: sum(pair.verdict == verdict for pair in found) for verdict in STYLES}
    console.print(", ".join(f"{verdict}: {count}" for verdict, count in counts.items()))
    raise click.exceptions.Exit(EXIT_DIFFERS if counts["differs"] else 0)


def _row(pair: Pair) -> tuple[str, ...]:
    found = pair.ratio
    interval = "" if found is None or found.low is None else f" ({found.low:.3f} to {found.high:.3f})"
    ratio = "–" if found is None else f"{found.value:.3f}{interval}"
    before, after = ("–" if value is None else f"{value:.5g}" for value in (pair.before, pair.after))
    return pair.board, pair.cell, pair.metric, before, after, ratio, pair.verdict, pair.why
