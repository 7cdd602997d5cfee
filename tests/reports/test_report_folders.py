"""Every report of the tree: what it says of a run like its own, and that it stands for a run of nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reports.build import report_of
from reports.data import Report, Table, plain
from reports.read import read_run
from reports.registry import sources

pytestmark = pytest.mark.usefixtures("sketches")
Make = Callable[..., Path]
Row = dict[str, Any]


def made(make_run: Make, name: str, **how: Any) -> Report:
    also = how.pop("change", lambda cells, manifest: None)

    def change(cells: list[Row], manifest: Row) -> None:
        manifest["report"] = name
        also(cells, manifest)

    return report_of(read_run(make_run(change=change, **how)))


def table(report: Report, caption: str) -> list[Row]:
    blocks = [block for section in report.sections for block in section.blocks]
    (found,) = [block for block in blocks if isinstance(block, Table) and block.caption == caption]
    return [{c.name: entry for c, entry in zip(found.columns, row, strict=True)} for row in found.rows]


def test_boards_say_what_fits_and_what_is_left(make_run: Make) -> None:
    report = made(make_run, "boards")
    assert report.findings[0].text == (
        "nano-01 (virtual): everything fits in accuracy and memory; "
        "in budget freeze, split and recompute of 4 methods, not fedavg."
    )
    rows = {row["work"].text.split(":")[0]: row for row in table(report, "Which board can do what")}
    budget = rows["budget"]
    assert (budget["fits"].text, budget["fits"].tone) == ("3 of 4 methods", "warn")
    assert (budget["quickest"].text, budget["leanest"].text) == ("freeze", "split")
    assert budget["budget left"].value == pytest.approx(1 - (218 + 260 * 0.05 * 1.1) / 420, abs=1e-3)


def test_overhead_reads_the_agents_own_account(make_run: Make) -> None:
    report = made(make_run, "overhead", groups=("memory",))
    (row,) = table(report, "What sampling takes")
    assert row["CPU, of one core"].value == pytest.approx(0.01)
    assert row["samples per s (virtual where marked)"].text == "1.00 (virtual)"
    assert row["lateness p99, ms (virtual where marked)"].value is None  # the fixture's agent did not say
    assert report.findings[0].text == "nano-01 (virtual): sampling took 1.0\u00a0% of one core."


def nothing_ran(cells: list[Row], manifest: Row) -> None:
    cells.clear()
    manifest.update(state="interrupted", cells=[], boards={})


@pytest.mark.parametrize("name", sorted(sources()))
def test_a_run_without_boards_has_a_report_that_says_so(make_run: Make, name: str) -> None:
    report = made(make_run, name, change=nothing_ran)
    assert "warn" in {finding.tone for finding in report.findings}
    assert plain(report)["sections"]
