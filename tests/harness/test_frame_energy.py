"""From raw files to joules: every witness on its own clock, phases, rest, and what nobody tells stays missing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.frame.circumstances import mark
from harness.frame.energy import energy_rows, headline
from harness.frame.trace import BoardTrace, read_trace

KEY = {"cell_id": "c", "board": "b"}
OFFSET_S = 1000.0  # the board's clock is ahead by so much
RAILS = {"jetson_power": {"scope": "module", "total": ["VDD_IN"]}}


def lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def watch(path: Path, start_s: float, end_s: float, watts: float) -> None:
    """The agent's trace and verdict of a stretch at constant power, 10 Hz."""
    times = [start_s + number / 10 for number in range(round((end_s - start_s) * 10) + 1)]
    samples = [{"t_s": t_s, "sensors": {"jetson_power/total/power_w": watts}} for t_s in times]
    lines(path / "samples.jsonl", [{"sensors_about": RAILS}, *samples])
    (path / "exit.json").write_text(json.dumps({"started_s": start_s, "ended_s": end_s, "faults": []}))


def reading(controller_s: float) -> dict[str, Any]:
    return {"controller_s": controller_s, "board_s": controller_s + OFFSET_S,
            "board_raw_s": controller_s + OFFSET_S, "uncertainty_s": 0.001,
            "round_trip_s": 0.002, "exchanges": 16}  # fmt: skip


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """10 W from 1010 to 1030 on the board's clock, with rest at 2 W before and after; a wall meter sees 3 W more."""
    watch(tmp_path, 1010.0, 1030.0, 10.0)
    watch(tmp_path / "rest_before", 1000.0, 1009.0, 2.0)
    watch(tmp_path / "rest_after", 1031.0, 1040.0, 2.0)
    wall = [
        {"t_s": t_s, "span_s": 0.01, "sensors": {"meter0/wall/power_w": 13.0 if 10 <= t_s <= 30 else 5.0}}
        for t_s in map(float, range(0, 41))
    ]
    about = {"source": "meter0", "scope": "wall", "clock": "monotonic, of the controller"}
    fault = {"t_s": 3.0, "fault": {"source": "meter0", "what": "no answer within 0.8 s"}}
    lines(tmp_path / "meter0.jsonl", [{"about": about}, *wall, fault])
    phase = {"phase": "compute", "start_s": 1014.0, "end_s": 1019.0, "peak_process_bytes": None}
    outside = {**phase, "phase": "import", "start_s": 1010.0, "end_s": 1011.0}
    events = [
        {"event": "phase", "enter": "x", "closed": outside},
        {"event": "phase", "enter": "y", "closed": phase},
        {
            "event": "round",
            "t_s": 1024.0,
            "round_s": 12.0,
            "round": 1,
            "stage": "all",
            "seconds": {},
            "bytes": {},
            "samples": 10,
        },
    ]
    lines(tmp_path / "events.jsonl", events)
    return tmp_path


def traced(raw: Path) -> BoardTrace:
    return read_trace(raw, [reading(5.0), reading(35.0)])


def rows_of(raw: Path, step_rate_hz: float | None = None) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["source"], row["window"]): row for row in energy_rows(KEY, traced(raw), step_rate_hz)}


def test_every_witness_and_phase_has_its_row(raw: Path) -> None:
    rows = rows_of(raw)
    assert list(rows) == [(source, window) for source in ("jetson_power/total", "meter0/wall")
                          for window in ("rounds", "compute")]  # fmt: skip
    own, wall = rows["jetson_power/total", "rounds"], rows["meter0/wall", "rounds"]
    assert own["energy_j"] == pytest.approx(120.0) and wall["energy_j"] == pytest.approx(156.0)
    assert (own["duration_s"], own["rails"], own["scope"], wall["scope"]) == (12.0, "VDD_IN", "module", "wall")
    assert rows["jetson_power/total", "compute"]["energy_j"] == pytest.approx(50.0)


def test_net_of_rest_on_either_clock(raw: Path) -> None:
    rows = rows_of(raw)
    own, wall = rows["jetson_power/total", "rounds"], rows["meter0/wall", "rounds"]
    assert (own["idle_power_w"], own["net_j"]) == (pytest.approx(2.0), pytest.approx(96.0))
    assert (wall["idle_power_w"], wall["net_j"]) == (pytest.approx(5.0), pytest.approx(96.0))
    assert "from 8 s only" in own["warnings"]


def test_without_rest_there_is_no_net(raw: Path) -> None:
    for name in ("rest_before", "rest_after"):
        (raw / name / "exit.json").unlink()
    row = rows_of(raw)["jetson_power/total", "rounds"]
    assert row["net_j"] is None and row["energy_j"] == pytest.approx(120.0)


def test_rest_on_one_side_has_no_uncertainty(raw: Path) -> None:
    (raw / "rest_after" / "exit.json").unlink()
    row = rows_of(raw)["jetson_power/total", "rounds"]
    assert row["net_j"] == pytest.approx(96.0) and row["net_uncertainty_j"] is None
    assert "not measured after the run" in row["warnings"]


def test_the_headline_is_the_best_witness_of_the_whole(raw: Path) -> None:
    trace = traced(raw)
    cell = headline(list(energy_rows(KEY, trace, None)))
    assert (cell["energy_j"], cell["energy_scope"]) == (pytest.approx(120.0), "module (VDD_IN)")
    assert trace.faults == ("meter0: no answer within 0.8 s",)
    (raw / "samples.jsonl").unlink()
    assert headline(list(energy_rows(KEY, traced(raw), None)))["energy_scope"] == "wall"


def test_a_rail_that_vanished_does_not_speak_for_the_cell(raw: Path) -> None:
    kept = (raw / "samples.jsonl").read_text().splitlines()[:50]  # to 1014.9; the rounds are from 1012 to 1024
    (raw / "samples.jsonl").write_text("\n".join(kept) + "\n")
    cell = headline(list(energy_rows(KEY, traced(raw), None)))
    assert (cell["energy_scope"], cell["energy_j"], cell["energy_covered_share"]) == ("wall", pytest.approx(156.0), 1.0)
    (raw / "meter0.jsonl").unlink()
    alone = headline(list(energy_rows(KEY, traced(raw), None)))
    assert "energy_j" not in alone and alone["energy_covered_share"] == pytest.approx(
        2.9 / 12.0, abs=1e-3
    )  # 1012 to 1014.9
    assert re.fullmatch(
        r"no witness covers the measured rounds: jetson_power/total 2\d\.\d %", alone["energy_warnings"]
    )


def test_a_rate_that_cannot_carry_the_steps_is_warned_of(raw: Path) -> None:
    row = rows_of(raw, step_rate_hz=4.0)["jetson_power/total", "rounds"]
    assert "2.5 samples for a step" in row["warnings"]


def test_only_windows_with_steps_are_held_against_their_rate(raw: Path) -> None:
    phases = [("compute", 1012.0, 1016.0), ("compute", 1016.5, 1016.6), ("upload", 1020.0, 1024.0)]
    closed = [{"phase": name, "start_s": start_s, "end_s": end_s} for name, start_s, end_s in phases]
    whole = json.loads((raw / "events.jsonl").read_text().splitlines()[-1])
    lines(raw / "events.jsonl", [*({"event": "phase", "closed": each} for each in closed), whole])
    rows = rows_of(raw, step_rate_hz=4.0)
    doubted = {window for (_, window), row in rows.items() if "samples for a step" in (row["warnings"] or "")}
    assert doubted == {"rounds", "compute"}


def test_nobody_tells_any_power(raw: Path) -> None:
    for file in ("samples.jsonl", "meter0.jsonl"):
        (raw / file).unlink()
    assert rows_of(raw) == {} and headline([]) == {}


def test_a_board_whose_clock_was_never_read_has_no_energy_by_the_meter_beside_it(raw: Path) -> None:
    rows = list(energy_rows(KEY, read_trace(raw, []), None))
    assert {row["source"] for row in rows} == {"jetson_power/total"}


def test_a_counter_may_tell_it(raw: Path) -> None:
    (raw / "meter0.jsonl").unlink()
    samples = [{"t_s": 1010.0 + n, "sensors": {"rapl/total/energy_j": 7.0 * n}} for n in range(21)]
    lines(raw / "samples.jsonl", [{"sensors_about": {"rapl": {"scope": "package", "total": ["package-0"]}}}, *samples])
    row = rows_of(raw)["rapl/total", "rounds"]
    assert row["energy_j"] == pytest.approx(84.0) and row["idle_power_w"] is None


def test_a_sensor_that_tells_power_and_a_counter_has_a_row_for_each(raw: Path) -> None:
    """A plug whose answers failed for most of the rounds: its counter knows what was used meanwhile."""
    (raw / "samples.jsonl").unlink()
    about = {"source": "meter0", "scope": "wall", "clock": "monotonic, of the controller"}
    wall = [
        {"t_s": t_s, "sensors": {"meter0/wall/power_w": 13.0, "meter0/wall/energy_j": 13.0 * t_s}}
        for t_s in (*range(0, 14), *range(22, 41))
    ]
    lines(raw / "meter0.jsonl", [{"about": about}, *wall])
    rows = rows_of(raw)
    assert rows["meter0/wall", "rounds"]["gap_s"] > 5.0
    counted = rows["meter0/wall (counter)", "rounds"]
    assert (counted["energy_j"], counted["gap_s"]) == (pytest.approx(156.0), 0.0)
    assert headline(list(rows.values()))["energy_j"] == pytest.approx(156.0)


def test_rest_by_a_counter_weighs_its_intervals_by_their_length(raw: Path) -> None:
    about = {"source": "meter0", "scope": "wall"}
    asked_s = (0.0, 0.6, 1.0, 1.4, 2.0, 3.0, 4.0, 8.0, 9.0, *map(float, range(10, 41)))
    wall, used_j = [], 0.0
    for before_s, t_s in zip((0.0, *asked_s), asked_s, strict=False):
        used_j += (t_s - before_s) * (2.0 if t_s <= 4.0 else 6.0)
        wall.append({"t_s": t_s, "sensors": {"meter0/wall/energy_j": used_j}})
    lines(raw / "meter0.jsonl", [{"about": about}, *wall])
    row = rows_of(raw)["meter0/wall", "rounds"]
    before_w = (2.0 * 3.5 + 6.0 * 5.0) / 8.5  # of rest from 0.5 to 9.0
    assert row["idle_power_w"] == pytest.approx((before_w + 6.0) / 2)


def test_a_phone_is_calibrated_on_its_own_load(raw: Path) -> None:
    """A gauge with an inverted sign in mA, renewed every 2 s: 4 V, 500 mA."""
    prefix = "battery/battery/"
    samples = []
    for number in range(201):
        sensors = {prefix + "voltage_v": 4.0, prefix + "current_raw": -500, prefix + "discharging": 1}
        if number % 20 == 0 and number:
            sensors[prefix + "refreshed_s"] = 2.0
        samples.append({"t_s": 1010.0 + number / 10, "sensors": sensors})
    lines(raw / "samples.jsonl", [{"sensors_about": {"battery": {"scope": "phone"}}}, *samples])
    row = rows_of(raw)["battery/battery", "rounds"]
    assert row["energy_j"] == pytest.approx(24.0) and "taken as -mA" in row["scope"]
    assert "renews its value every 2 s" in row["warnings"]


def test_only_equal_circumstances_share_a_mark() -> None:
    facts: dict[str, Any] = dict.fromkeys(
        ("virtual", "image", "system", "power_mode", "clocks_locked", "governor", "cpu_max_hz", "torch", "python",
         "swap", "changed", "warmth", "throttled", "sampling"))  # fmt: skip
    first = mark(KEY, {"board": "b", **facts})
    assert mark({**KEY, "cell_id": "d"}, {"board": "twin", **facts}) == first
    assert mark(KEY, {"board": "b", **facts, "power_mode": "5W"})["circumstances_id"] != first["circumstances_id"]
    unread = {"board": "b", **facts, "power_mode": "unreadable"}
    assert mark(KEY, unread)["circumstances_id"] != mark({**KEY, "cell_id": "d"}, unread)["circumstances_id"]
    assert "did not tell its power mode" in mark(KEY, unread)["objections"]
    assert mark(KEY, None) == {}
