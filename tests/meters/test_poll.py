"""The poller's file: readings, faults by name, gaps, counters that start over."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from harness.clock import now_s
from harness.meters import meter
from harness.meters.base import Reading
from harness.meters.poll import Poller
from tests.meters.conftest import Answer, Plug, drips, hangs, recorded, says

GEN1 = recorded("shelly_gen1.json")
GOOD = says(GEN1)
PERIOD_S = 0.05


def poll(plug: Plug, out: Path, enough: Callable[[Poller], bool], timeout_s: float = 0.2) -> list[dict[str, Any]]:
    with Poller(
        meter(f"shelly1://{plug.host}"), out, source="shelly1", period_s=PERIOD_S, timeout_s=timeout_s
    ) as poller:
        deadline = time.monotonic() + 10
        while not enough(poller):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_readings_at_the_middle_of_each_request(plug: Plug, tmp_path: Path) -> None:
    plug.answers = [GOOD]
    began = now_s()
    about, *records = poll(plug, tmp_path / "m.jsonl", lambda poller: poller.readings >= 6)
    assert about["about"]["scope"] == "wall"
    assert about["about"]["meter"] == f"shelly1://{plug.host}"
    assert records[0]["sensors"] == {"shelly1/wall/power_w": 12.34, "shelly1/wall/energy_j": 439237 * 60.0}
    assert began < records[0]["t_s"] - records[0]["span_s"]
    steps = [later["t_s"] - earlier["t_s"] for earlier, later in pairwise(records)]
    assert sum(steps) / len(steps) == pytest.approx(PERIOD_S, abs=0.02)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (says(b"{"), "not JSON: b'{'"),
        (says({}, 500), "HTTP 500"),
        (says({"power": None}), "the answer holds neither power nor energy"),
        (hangs, "no answer within 0.2 s"),
        (drips, "no answer within 0.2 s"),
    ],
)
def test_a_gap_by_name_and_then_on(plug: Plug, tmp_path: Path, answer: Answer, what: str) -> None:
    plug.answers = [GOOD, GOOD, *[answer] * 4, GOOD]
    _, *records = poll(plug, tmp_path / "m.jsonl", lambda poller: poller.readings >= 4)
    faults = [record["fault"] for record in records if "fault" in record]
    assert faults == [{"source": "shelly1", "what": what}], "told once while it lasts"
    gaps = [record["gap_s"] for record in records if "gap_s" in record]
    assert len(gaps) == 1
    assert gaps[0] > 4 * PERIOD_S


def test_a_counter_that_starts_over_is_noticed(plug: Plug, tmp_path: Path) -> None:
    plug.answers = [says({**GEN1, "total": total}) for total in (10, 11, 0, 1)]
    _, *records = poll(plug, tmp_path / "m.jsonl", lambda poller: poller.readings >= 5)
    (fault,) = [record["fault"] for record in records if "fault" in record]
    assert fault == {
        "source": "shelly1/wall/energy_j",
        "what": "the counter went back from 660 to 0 J: reset or wrapped",
    }


def test_a_file_that_does_not_grow_is_a_fault(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("t,P\n1,2\n")
    out = tmp_path / "m.jsonl"
    with Poller(meter(f"csv:{trace}?time=t&power=P"), out, source="csv", period_s=PERIOD_S):
        time.sleep(5 * PERIOD_S)
    _, first, fault = (json.loads(line) for line in out.read_text().splitlines())
    assert first["sensors"] == {"csv/leads/power_w": 2.0, "csv/leads/own_time_s": 1.0}
    assert fault["fault"]["what"] == "nothing new from the meter"


def test_a_bug_in_a_meter_does_not_end_the_stream(tmp_path: Path) -> None:
    class Broken:
        name = scope = "broken"
        calls = 0

        def read(self, timeout_s: float) -> Reading:
            self.calls += 1
            if self.calls == 1:
                raise ZeroDivisionError("oops")
            return Reading(power_w=1.0)

    out = tmp_path / "m.jsonl"
    with Poller(Broken(), out, source="b", period_s=PERIOD_S) as poller:
        while poller.readings < 1:
            time.sleep(0.01)
    _, fault, _ = (json.loads(line) for line in out.read_text().splitlines())
    assert fault["fault"]["what"] == "ZeroDivisionError: oops"


def test_it_ends_within_the_deadline(plug: Plug, tmp_path: Path) -> None:
    plug.answers = [hangs]
    with Poller(meter(f"shelly1://{plug.host}"), tmp_path / "m.jsonl", source="s", timeout_s=0.3):
        time.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 0.6
    assert not any(thread.name == "meter s" for thread in threading.enumerate())


def test_a_folder_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Poller(meter("shelly1://127.0.0.1:9"), tmp_path / "no/m", source="s"):
        pass
