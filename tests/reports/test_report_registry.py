"""Reports are found by folder, and by entry point where they come from outside the tree."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import FedRackError, UnknownName
from harness.load import load_study
from reports.build import build_report
from reports.registry import find, sources

Make = Callable[..., Path]

SECTIONS = """
from reports.data import Finding, Report

def build(run):
    finding = Finding("Cells", f"{len(run.cells)} rows.")
    return Report(name="outside", title="From outside", run_id="r", subtitle="", findings=(finding,), sections=())
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution as pip leaves it, on the path of this process."""
    site = tmp_path / "site"
    package = site / "fedrack_outside"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "sections.py").write_text(SECTIONS)
    facts = site / "fedrack_outside-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: fedrack-outside\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[fedrack.reports]\noutside = fedrack_outside\ngone = fedrack_gone\n")
    monkeypatch.syspath_prepend(site)
    yield package
    for name in [name for name in sys.modules if name.startswith("fedrack_outside")]:
        del sys.modules[name]


@pytest.mark.parametrize("name", sorted(sources()))
def test_every_folder_has_cells_to_run(name: str) -> None:
    assert load_study(find(name).study).templates


def test_an_installed_report_builds_like_one_of_ours(installed: Path, make_run: Make) -> None:
    def change(_: list[Any], manifest: dict[str, Any]) -> None:
        manifest["report"] = "outside"

    built = build_report(make_run(groups=("memory",), change=change))
    assert "From outside" in built.html.read_text() and "4 rows." in built.html.read_text()
    with pytest.raises(FedRackError, match=r"has no study\.yaml"):
        assert find("outside").study


def test_a_report_whose_package_is_gone_says_so(installed: Path) -> None:
    with pytest.raises(FedRackError, match="'fedrack_gone', which cannot be imported"):
        assert find("gone").study


def test_an_unknown_report_offers_the_nearest(installed: Path) -> None:
    with pytest.raises(UnknownName) as raised:
        find("outsid")
    assert "did you mean 'outside'" in raised.value.remedy
