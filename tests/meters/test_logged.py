"""A logger's file, taken over after a cell: bad rows, restarts, files of another time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.metering import _take_all_rows
from harness.meters import meter
from harness.meters.csv_file import CsvFile

ROWS = [f"{tick / 10},5" for tick in range(600)]  # 10 Hz for a minute
POLLS = [(1000.02 + second, float(second)) for second in range(59)]  # 1 Hz; the logger began at 1000
RESTARTED = [*ROWS[:300], *ROWS[:300]]  # at 30 s
POLLED_TWICE = [*POLLS[:30], *((1030.32 + second, float(second)) for second in range(29))]  # 0.3 s later than it seems


def taken(folder: Path, rows: list[str], polls: list[tuple[float, float]], about: bool = True) -> list[dict[str, Any]]:
    """The meter's file after its cell."""
    log, out = folder / "log.csv", folder / "meter0.jsonl"
    log.write_text("\n".join(["t,P", *rows, ""]))
    head = [{"about": {"source": "meter0", "scope": "leads", "clock": "monotonic, of the controller"}}] if about else []
    lines = [
        {"t_s": t_s, "sensors": {"meter0/leads/power_w": 5.0, "meter0/leads/own_time_s": own_s}} for t_s, own_s in polls
    ]
    out.write_text("".join(json.dumps(line) + "\n" for line in (*head, *lines)))
    source = meter(f"csv:{log}?time=t:s&power=P:W")
    assert isinstance(source, CsvFile)
    _take_all_rows(source, out)
    return [json.loads(line) for line in out.read_text().splitlines()]


def times(lines: list[dict[str, Any]]) -> list[float]:
    return [line["t_s"] for line in lines if "sensors" in line]


def faults(lines: list[dict[str, Any]]) -> list[str]:
    return [line["fault"]["what"] for line in lines if "fault" in line]


@pytest.mark.parametrize("about", [True, False])
def test_all_rows_take_the_place_of_the_polls(tmp_path: Path, about: bool) -> None:
    lines = taken(tmp_path, ROWS, POLLS, about)
    assert times(lines) == pytest.approx([1000.02 + tick / 10 for tick in range(581)])
    assert faults(lines) == [] and lines[0]["about"]["clock_offsets_s"] == [pytest.approx(1000.02)]
    assert lines[0]["about"]["source"] == "meter0"


@pytest.mark.parametrize("bad", ["garbage", "5.0,nan", "5.0", "5.0,\xff"])
def test_a_bad_row_is_a_fault_and_the_rest_goes_on(tmp_path: Path, bad: str) -> None:
    lines = taken(tmp_path, [*ROWS[:55], bad, *ROWS[56:]], POLLS)
    (fault,) = faults(lines)
    assert "line 57" in fault and len(times(lines)) == 580


def test_many_bad_rows_are_not_all_told(tmp_path: Path) -> None:
    lines = taken(tmp_path, [row if int(float(row[:-2]) * 10) % 10 == 0 else "x" for row in ROWS], POLLS)
    assert len(faults(lines)) == 6 and faults(lines)[-1] == "and 535 more bad rows" and len(times(lines)) == 59


def test_a_restarted_logger_has_an_offset_for_each_piece(tmp_path: Path) -> None:
    lines = taken(tmp_path, RESTARTED, POLLED_TWICE)
    assert lines[0]["about"]["clock_offsets_s"] == [pytest.approx(1000.02), pytest.approx(1030.32)]
    found = times(lines)
    assert found == sorted(found) and len(found) == 300 + 281 and found[300] == pytest.approx(1030.32)


def test_a_logger_that_began_a_new_file_leaves_the_polls_of_the_old_one(tmp_path: Path) -> None:
    lines = taken(tmp_path, [f"{100 + tick / 10},5" for tick in range(300)],
                  [*POLLS[:30], *((1030.02 + second, 100.0 + second) for second in range(29))])  # fmt: skip
    assert times(lines)[:30] == [t_s for t_s, _ in POLLS[:30]] and len(times(lines)) == 30 + 281


def test_rows_that_nobody_polled_are_told(tmp_path: Path) -> None:
    lines = taken(tmp_path, RESTARTED, POLLS[:30])
    assert faults(lines) == ["300 rows that no poll met have no place on the cell's clock"]
    assert len(times(lines)) == 291


def test_a_file_of_another_time_is_told_and_not_used(tmp_path: Path) -> None:
    lines = taken(tmp_path, ROWS, [(1000.0, 59.9)])
    assert times(lines) == [] and "written before" in faults(lines)[0]
