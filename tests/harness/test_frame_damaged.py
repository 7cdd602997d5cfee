"""One bad byte costs a line and is told; it ends no cell and no report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.frame.build import _sensors
from harness.frame.energy import energy_rows, headline
from harness.frame.trace import read_trace
from tests.harness.test_frame_energy import KEY, raw, reading

__all__ = ["raw"]  # the fixture

READINGS = {
    "no number at all": ('{"t_s": 1020.\xff garbage', "no JSON object"),
    "no time": ('{"sensors": {"jtop/total/power_w": 4.0}}', "a reading without t_s"),
    "a time that is null": ('{"t_s": null, "sensors": {"jtop/total/power_w": 4.0}}', "a reading without t_s"),
    "a time that is nan": ('{"t_s": NaN, "sensors": {"jtop/total/power_w": 4.0}}', "a reading without t_s"),
    "no value": ('{"t_s": 1020.0, "sensors": {"jtop/total/power_w": null}}', "a reading that is no number"),
    "an endless value": ('{"t_s": 1020.0, "sensors": {"jtop/total/power_w": Infinity}}', "a reading that is no number"),
    "a list": ('{"t_s": 1020.0, "sensors": [1]}', "a reading that is no number"),
    "a key of two parts": ('{"t_s": 1020.0, "sensors": {"jtop/power_w": 1}}', "a key that is not"),
    "about nothing": ('{"about": null}', "about names no source"),
    "about without source": ('{"about": {"scope": "x"}}', "about names no source"),
    "about with odd rails": ('{"about": {"source": "jtop", "total": 3}}', "about has no list of rails"),
    "a fault without words": ('{"fault": "x"}', "a fault without source and what"),
}
EVENTS = {
    "no JSON": ('{"event": "rou\xff', "no JSON object"),
    "no name": ('{"x": 1}', "an event without a name"),
    "half a round": ('{"event": "round", "t_s": 9.0, "round": 2, "stage": "all", "seconds": {}, "bytes": {}}',
                     "a round without round_s, samples"),
    "an open phase": ('{"event": "phase", "closed": {"phase": "compute"}}', "a phase that was not closed"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "why"), READINGS.values(), ids=READINGS)
@pytest.mark.parametrize("name", ["samples.jsonl", "jtop.jsonl", "meter0.jsonl"])
def test_a_bad_line_is_left_out_and_told(raw: Path, name: str, line: str, why: str) -> None:
    good = (raw / name).read_bytes().splitlines() if (raw / name).is_file() else []
    (raw / name).write_bytes(b"\n".join([*good[:50], line.encode("latin-1"), *good[50:], b""]))
    trace = read_trace(raw, [reading(5.0), reading(35.0)])
    assert any(fault.startswith(f"{name.split('.')[0]}: 1 line left out: {why}") for fault in trace.faults)
    assert list(_sensors(KEY, trace))
    assert headline(list(energy_rows(KEY, trace, None)))["energy_j"] == pytest.approx(120.0)


@pytest.mark.parametrize(("line", "why"), EVENTS.values(), ids=EVENTS)
def test_a_bad_event_is_left_out_and_told(raw: Path, line: str, why: str) -> None:
    with (raw / "events.jsonl").open("ab") as file:
        file.write(line.encode("latin-1") + b"\n")
    trace = read_trace(raw, [])
    assert f"events: 1 line left out: {why}" in trace.faults
    assert trace.rounds_window == (1012.0, 1024.0)


def test_a_verdict_that_was_cut_off_is_missing_and_told(raw: Path) -> None:
    (raw / "exit.json").write_text('{"star')
    (raw / "rest_before" / "exit.json").write_text('{"faults": []}')
    trace = read_trace(raw, [])
    assert (trace.exit_facts, trace.rests[0]) == ({}, None) and trace.rests[1] is not None
    assert "agent: exit.json was cut off" in trace.faults


def test_a_meter_without_its_first_line_is_still_on_the_controllers_clock(raw: Path) -> None:
    meter = raw / "meter0.jsonl"
    meter.write_text(meter.read_text().split("\n", 1)[1])
    (raw / "samples.jsonl").unlink()
    row = headline(list(energy_rows(KEY, read_trace(raw, [reading(5.0), reading(35.0)]), None)))
    assert (row["energy_j"], row["energy_scope"]) == (pytest.approx(156.0), "unknown")


def test_a_sample_with_a_word_for_a_number_keeps_the_rest(raw: Path) -> None:
    with (raw / "samples.jsonl").open("a") as file:
        file.write(json.dumps({"t_s": 1031.0, "rss_bytes": "many", "late_s": 0.5}) + "\n")
    assert read_trace(raw, []).samples[-1] == {"t_s": 1031.0, "late_s": 0.5}


def test_watts_that_no_such_board_draws_are_left_out_and_told(raw: Path) -> None:
    """A register read as all ones."""
    lines = (raw / "samples.jsonl").read_bytes().splitlines()
    garbage = json.loads(lines[100])
    (key,) = [name for name in garbage["sensors"] if name.endswith("total/power_w")]
    garbage["sensors"][key] = 65.535e6
    (raw / "samples.jsonl").write_bytes(b"\n".join([*lines[:100], json.dumps(garbage).encode(), *lines[101:], b""]))
    trace = read_trace(raw, [reading(5.0), reading(35.0)], most_w=60.0)
    assert f"{key}: 1 reading left out: more than 60 W, which no such board draws" in trace.faults
    assert headline(list(energy_rows(KEY, trace, None)))["energy_j"] == pytest.approx(120.0)
