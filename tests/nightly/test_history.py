"""The history on disk, and who is to blame for a shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import FedRackError
from harness.nightly.findings import shifts, text_of
from harness.nightly.history import COLUMNS, append, as_table, read
from reports.data import plain
from reports.nights import nights

Row = dict[str, Any]
NIGHTS = 24


def night(number: int, **change: Any) -> Row:
    noise = 1 + 0.002 * np.random.default_rng(number).standard_normal()
    facts = {"run_id": f"202611{number:02d}-010000-aaaa", "board": "nano-01", "board_class": "jetson-nano",
             "virtual": None, "cell": "memory: fedavg", "metric": "round_s", "repeats": 3, "unstable": False,
             "code": "c1", "board_state": "b1"}  # fmt: skip
    return {**facts, **change, "value": change.get("value", 4.0) * noise}


def made(*after: Row, before: int = NIGHTS) -> pd.DataFrame:
    rows = [night(number) for number in range(1, before + 1)]
    later = [night(before + 1 + place % 2, **row) for place, row in enumerate(after)]
    return pd.DataFrame([*rows, *later])[list(COLUMNS)].astype(COLUMNS)


def slow(**facts: Any) -> tuple[Row, Row]:
    return {"value": 4.4, **facts}, {"value": 4.4, **facts}


CONTROL = {"cell": "control: fedavg"}
BLAMED = {
    "new code": (slow(code="c2"), "the code changed"),
    "new kernel": (slow(board_state="b2"), "the board changed, not the code"),
    "both": (slow(code="c2", board_state="b2"), "the code and the board changed"),
    "nothing that is known": (slow(), "the board changed, not the code"),
}


@pytest.mark.parametrize("name", BLAMED)
def test_a_shift_is_blamed_by_rule(name: str) -> None:
    after, blame = BLAMED[name]
    (shift,) = shifts(made(*after))
    assert (shift.blame, shift.metric) == (blame, "round_s") and shift.shift == pytest.approx(0.1, abs=0.01)
    text = text_of(shift.run_id, [shift])
    assert text.startswith(f"FedRack {shift.run_id}: 1 change.") and blame in text and "round_s +" in text
    page = plain(nights(made(*after), [shift]))
    assert page["findings"][0]["label"] == "Shift" and blame in page["findings"][0]["text"]


def test_nights_without_a_code_digest_blame_nobody() -> None:
    history = made(*slow())
    history["code"] = pd.NA
    assert shifts(history)[0].blame == "not known"


def test_a_board_whose_control_workload_does_not_repeat_raises_no_alarm() -> None:
    history = made(*slow(unstable=True))
    assert shifts(history) == [] and np.isnan(as_table(history).values[-2:]).all()
    assert "Unstable" in {finding.label for finding in nights(history, []).findings}


def test_a_history_grows_by_nights_and_a_night_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "nights" / "history.parquet"
    every = made()
    for _ in range(2):
        for _, rows in every.groupby("run_id"):
            append(path, rows)
    run_id = every["run_id"].max()
    pd.testing.assert_frame_equal(read(path), every)
    assert text_of(run_id, shifts(read(path))) == f"FedRack {run_id}: no change."


@pytest.mark.parametrize(("version", "words"), [(2, "too new"), (0, "too old"), (None, "no format version")])
def test_a_history_of_another_format_is_refused(tmp_path: Path, version: int | None, words: str) -> None:
    frame = made()
    frame.attrs = {} if version is None else {"format": version}
    frame.to_parquet(tmp_path / "h.parquet")
    with pytest.raises(FedRackError, match=words):
        read(tmp_path / "h.parquet")


def test_a_half_written_history_is_a_sentence(tmp_path: Path) -> None:
    append(tmp_path / "h.parquet", made())
    whole = (tmp_path / "h.parquet").read_bytes()
    (tmp_path / "h.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FedRackError, match="cannot be read"):
        read(tmp_path / "h.parquet")
