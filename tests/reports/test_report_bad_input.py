"""Damaged and odd runs: each is answered with its sentence in the report, never a stack trace or a missing row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.errors import BadInput
from reports.build import report_of
from reports.data import plain
from reports.read import read_run
from reports.verdicts import UNKNOWN, judge, load_claims
from tests.reports.conftest import write_run

pytestmark = pytest.mark.usefixtures("sketches")

Make = Callable[..., Path]
Row = dict[str, Any]
REAL = {"board_class": "raspberry-pi-4", "virtual": None}
RUN: Row = {"boards": {"pi-01": REAL, "pi-02": REAL}, "groups": ("memory",), "methods": ("fedavg", "split")}
CLAIMS = "system,quantity,value,bound,unit,model,dataset,source,evidence\n"


def said(folder: Path) -> str:
    return json.dumps(plain(report_of(read_run(folder))), ensure_ascii=False)


def half_written(folder: Path) -> None:
    whole = (folder / "samples.parquet").read_bytes()
    (folder / "samples.parquet").write_bytes(whole[: len(whole) // 2])


def of_format(version: int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        frame = pd.read_parquet(folder / "rounds.parquet")
        frame.attrs["format"] = version
        frame.to_parquet(folder / "rounds.parquet")

    return change


def of_other_types(folder: Path) -> None:
    pd.read_parquet(folder / "rounds.parquet").assign(round_s="fast").to_parquet(folder / "rounds.parquet")


def without_power(folder: Path) -> None:
    rows = pd.read_parquet(folder / "energy.parquet")
    rows[rows["board"] == "pi-01"].to_parquet(folder / "energy.parquet")


def without_any_power(folder: Path) -> None:
    pd.read_parquet(folder / "energy.parquet").iloc[:0].to_parquet(folder / "energy.parquet")


def stepping_clock(folder: Path) -> None:
    cells = pd.read_parquet(folder / "cells.parquet")
    cells.assign(clock_offset_s=12.5, clock_drift_ppm=pd.NA).astype(cells.dtypes).to_parquet(folder / "cells.parquet")


def in_other_power_modes(folder: Path) -> None:
    rows = pd.read_parquet(folder / "circumstances.parquet")
    first = rows["cell_id"] == rows["cell_id"].iloc[0]
    rows.loc[first & (rows["name"] == "power_mode"), "value"] = "5W"
    rows.to_parquet(folder / "circumstances.parquet")


def without_boards(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text()) | {"boards": {}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for path in folder.glob("*.parquet"):
        pd.read_parquet(path).iloc[:0].to_parquet(path)


def a_twin(folder: Path) -> None:
    one = {"cell_id": "c", "board": "pi-02", "client": "pi-01", "why": "quarantined: 2 failures in 2 tries"}
    manifest = json.loads((folder / "manifest.json").read_text()) | {"stand_ins": [one, {**one, "cell_id": "d"}]}
    (folder / "manifest.json").write_text(json.dumps(manifest))


ODD: dict[str, tuple[Callable[[Path], None], str]] = {
    "half-written parquet": (half_written, "samples.parquet could not be read: "),
    "a newer format": (of_format(2), "rounds.parquet: format 2 is too new, this FedRack reads 1."),
    "an older format": (of_format(0), "rounds.parquet: format 0 is too old, this FedRack reads 1."),
    "other types": (of_other_types, "rounds.parquet could not be read: "),
    "one board without power": (without_power, "pi-02 told no power: its energy is missing, not zero."),
    "no board with power": (without_any_power, "No board of this run has told any power"),
    "a clock that stepped": (stepping_clock, "clock stepped or was read once"),
    "other circumstances": (in_other_power_modes, "5W / MAXN"),
    "no boards": (without_boards, "The run has no cell: nothing was measured."),
    "a stand-in": (a_twin, "2 cells ran on pi-02 in the place of pi-01, with its share of the data: quarantined: 2"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the report of the run says while nothing is odd about it."""
    return said(write_run(tmp_path_factory.mktemp("sound"), **RUN))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_run_has_a_report_that_says_so(make_run: Make, sound: str, name: str) -> None:
    change, sentence = ODD[name]
    folder = make_run(**RUN)
    change(folder)
    assert sentence in said(folder) and sentence not in sound


def test_a_published_value_without_conditions_is_shown_with_that_said(tmp_path: Path) -> None:
    (tmp_path / "published.csv").write_text(CLAIMS + "A,memory,-50,exact,%,,,[ABS],abstract\n")
    (claim,) = load_claims(tmp_path / "published.csv")
    assert (claim.model, claim.dataset) == (UNKNOWN, UNKNOWN)
    assert "not measured" in judge(claim, {}).why


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("A,memory,much,exact,%,m,d,s,e", "line 2: 'much' is no number"),
        ("A,memory,nan,exact,%,m,d,s,e", "line 2: 'nan' is no number"),
        ("A,memory,-50,exact,%,m,d", "line 2: it has other columns than a claim"),
        ("A,memory,-50,exact,%,m,d,s,e,more", "line 2: it has other columns than a claim"),
    ],
)
def test_a_published_line_that_is_no_claim_is_named(tmp_path: Path, line: str, what: str) -> None:
    (tmp_path / "published.csv").write_text(f"{CLAIMS}{line}\nB,memory,,exact,%,m,d,s,e\n")
    with pytest.raises(BadInput, match=what):
        load_claims(tmp_path / "published.csv")
