"""What leaves a run: tables, figure data, tracking entries, and bundles that draw the same report elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import FedRackError
from harness.export.bundle import changed, open_bundle, write_bundle
from reports.build import build_report
from tests.export.conftest import RUN, Give

pytestmark = pytest.mark.usefixtures("sketches")


def test_tables_keep_their_values_and_say_their_units(run: Path, give: Give, tmp_path: Path) -> None:
    assert give("export", RUN, "--out", str(tmp_path / "out")).exit_code == 0
    frame, text = pd.read_parquet(tmp_path / "out" / "cells.parquet"), pd.read_csv(tmp_path / "out" / "cells.csv")
    assert frame["peak_process_bytes"].tolist() == text["peak_process_bytes"].tolist()
    assert text["exchange_s"].isna().sum() == 3  # missing stays missing
    columns = json.loads((tmp_path / "out" / "columns.json").read_text())
    assert {column["name"] for column in columns["cells"]} == set(text.columns)
    assert all(column["meaning"] for own in columns.values() for column in own)


def test_each_figure_and_table_has_its_numbers_beside_it(run: Path, give: Give, tmp_path: Path) -> None:
    give("export", RUN, "--out", str(tmp_path / "out"))
    report = json.loads((run / "report.json").read_text())
    blocks = [block for section in report["sections"] for block in section["blocks"] if "number" in block]
    for block in blocks:
        stem = "table" if block["kind"] == "table" else "figure"
        endings = {"table": ["csv"], "figure": ["svg"], "traces": ["csv", "svg"]}[block["kind"]]
        for ending in endings:
            assert (tmp_path / "out" / "figures" / f"{stem}-{block['number']:02d}.{ending}").is_file()
    (traces,) = [block for block in blocks if block["kind"] == "traces"]
    points = pd.read_csv(tmp_path / "out" / "figures" / f"figure-{traces['number']:02d}.csv")
    assert len(points) == sum(len(line["x"]) for line in traces["lines"]) > 0


def test_tracking_entries_leave_out_what_nobody_measured(run: Path, give: Give, tmp_path: Path) -> None:
    give("export", RUN, "--out", str(tmp_path / "out"))
    every = {entry["params"]["method"]: entry for entry in json.loads((tmp_path / "out" / "tracking.json").read_text())}
    assert "exchange_s" in every["split"]["metrics"] and "exchange_s" not in every["fedavg"]["metrics"]
    assert every["split"]["tags"]["virtual"] == "embedded" and every["split"]["tags"]["run_id"] == RUN


def test_mlflow_that_is_not_there_is_a_sentence(run: Path, give: Give) -> None:
    result = give("export", RUN, "--mlflow")
    assert isinstance(result.exception, FedRackError) and "tracking.json" in result.exception.remedy


def test_a_bundle_draws_the_same_page_on_another_machine(run: Path, tmp_path: Path) -> None:
    page = build_report(run).html.read_bytes()
    first, second = write_bundle(run, tmp_path / "a"), write_bundle(run, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    there = open_bundle(first, tmp_path / "elsewhere")
    assert not (there / "report.html").exists() and changed(there) == []
    assert build_report(there).html.read_bytes() == page


def test_a_bundle_that_was_tampered_with_or_cut_is_refused(run: Path, tmp_path: Path) -> None:
    (run / "rounds.parquet").write_bytes(b"other")
    with pytest.raises(FedRackError, match=r"1 files are not what was measured: rounds\.parquet"):
        open_bundle(write_bundle(run, tmp_path), tmp_path / "x")
    whole = write_bundle(run, tmp_path).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FedRackError, match="not a bundle that can be read"):
        open_bundle(tmp_path / "cut.tar.gz", tmp_path / "y")
