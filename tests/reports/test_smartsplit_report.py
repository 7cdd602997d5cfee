"""The report on SmartSplit, on a made-up run: folds, seconds over links, decisions and verdicts from known numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.units import MIB
from reports.build import report_of
from reports.data import Entry, Report, Table
from reports.read import read_run

pytestmark = pytest.mark.usefixtures("sketches")
Make = Callable[..., Path]
Row = dict[str, Any]


def made(make_run: Make) -> Report:
    def change(cells: list[Row], manifest: Row) -> None:
        manifest["report"] = "smartsplit"
        for cell in manifest["cells"]:
            if cell["method"] == "split":
                cell["options"] = {"grain": "unit", "cut": "block1"}

    return report_of(read_run(make_run(methods=("fedavg", "split"), change=change)))


def rows(report: Report, caption: str) -> list[dict[str, Entry]]:
    blocks = [block for section in report.sections for block in section.blocks]
    (found,) = [block for block in blocks if isinstance(block, Table) and block.caption.startswith(caption)]
    return [{c.name: entry for c, entry in zip(found.columns, row, strict=True)} for row in found.rows]


def test_folds_seconds_and_findings_are_those_of_the_cells(make_run: Make) -> None:
    report = made(make_run)
    whole, split = rows(report, "Memory and traffic of each cut")
    assert (split["fold (tensor)"].value, whole["fold (tensor)"].value) == (pytest.approx(20, rel=1e-3), None)
    assert report.findings[0].text == "On nano-01, split needs 1/20 of full training's tensor peak."
    seconds = rows(report, "Seconds of a round")[1]
    assert seconds["round over 100 Mb/s, s"].value == pytest.approx(1.0 + 1.5 + (80 + 88) * MIB / 12.5e6)


def test_a_limit_is_met_by_the_cut_and_costs_local_training_its_swap(make_run: Make) -> None:
    row = rows(made(make_run), "A round under the memory limit")[1]
    local = 3.5 + 88 * MIB / 12.5e6 + 2 * 0.75 * 260 * MIB / 40e6
    assert row["local with swap, s"].value == pytest.approx(local)
    assert row["change"].value == pytest.approx((2.5 + 168 * MIB / 12.5e6) / local - 1)


def test_the_optimisers_agree_with_exhaustive_search_and_claims_get_verdicts(make_run: Make) -> None:
    report = made(make_run)
    for row in rows(report, "Cut and bandwidth together"):
        assert row["optimum, s"].value == pytest.approx(row["exhaustive, s"].value, rel=1e-6)
    claims = {row["claim"].text: row for row in rows(report, "Published beside measured")}
    assert claims["SmartSplit: memory saving"]["verdict"].text == "differs"
    assert claims["SmartSplit: peak latency"]["verdict"].text == "not comparable"
