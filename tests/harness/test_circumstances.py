"""Which cells may be averaged, what spoils one, and how long a board is waited for to cool down."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.circumstances import (
    UNREADABLE,
    Circumstances,
    as_json,
    circumstances,
    differences,
    from_json,
    groups,
    may_average,
    objections,
)
from harness.facts import Found
from harness.facts.clocks import parse_jetson_clocks, parse_policies
from harness.facts.power_mode import PowerMode
from harness.facts.swap import parse_swaps
from harness.facts.throttle import parse_throttled
from harness.thermal import Warmth, decide, wait_for_window

NO_SWAP = "Filename\tType\tSize\tUsed\tPriority\n"
WITHIN = Warmth(verdict="within", temperature_c=40.0, baseline_c=39.0, waited_s=0.0)
ABSENT: Found[Any] = Found(value=None)
FAULT: Found[Any] = Found(value=None, fault="exit code 1")


def nano(**other: Any) -> Circumstances:
    facts: dict[str, Any] = {
        "virtual": None,
        "image": "jetson-nano@ab12",
        "system": "Linux 4.9.253-tegra",
        "power_mode": Found(value=PowerMode(name="MAXN", number=0)),
        "clocks": Found(value=parse_jetson_clocks("GPU MinFreq=921600000 MaxFreq=921600000 CurrentFreq=921600000")),
        "policies": Found(value=parse_policies("cpu0 schedutil 102000 1428000 1479000 schedutil")),
        "torch": Found(value="1.10.0 0123456789ab"),
        "python": Found(value="3.6.9"),
        "swaps": Found(value=parse_swaps(NO_SWAP)),
        "throttle": (ABSENT, ABSENT),
        "warmth": WITHIN,
        "sampling": "10 Hz",
        **other,
    }
    return circumstances("nano-1", **facts)


def test_the_same_circumstances_may_be_averaged() -> None:
    assert differences(nano(), nano()) == () and may_average([nano(), nano(), nano()])
    assert may_average([nano()]) and objections(nano()) == ()
    cell = nano()
    assert (cell.power_mode, cell.clocks_locked, cell.governor) == ("MAXN", True, "schedutil")
    assert (cell.torch, cell.swap, cell.throttled) == ("1.10.0 0123456789ab", (), None)


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"virtual": "embedded"}, "virtual"),
        ({"power_mode": Found(value=PowerMode(name="5W", number=1))}, "power_mode"),
        ({"policies": Found(value=parse_policies("cpu0 performance 102000 1428000 1479000"))}, "governor"),
        ({"policies": Found(value=parse_policies("cpu0 schedutil 102000 918000 1479000"))}, "cpu_max_hz"),
        ({"torch": Found(value="1.10.0 ba9876543210")}, "torch"),
        ({"swaps": Found(value=parse_swaps(NO_SWAP + "/dev/zram0 partition 507392 0 5\n"))}, "swap"),
        ({"warmth": replace(WITHIN, verdict="timed_out")}, "warmth"),
        ({"image": "jetson-nano@cd34"}, "image"),
        ({"sampling": "50 Hz"}, "sampling"),
        ({"power_mode": ABSENT}, "power_mode"),
    ],
)
def test_what_differs_is_never_averaged(other: dict[str, Any], name: str) -> None:
    found = differences(nano(), nano(**other))
    assert [difference.name for difference in found] == [name]
    assert not may_average([nano(), nano(), nano(**other)])
    assert f"{name}: " in str(found[0])


def test_what_would_not_be_read_agrees_with_nothing() -> None:
    unknown = nano(power_mode=FAULT)
    assert unknown.power_mode == UNREADABLE
    assert not may_average([unknown, unknown])
    assert objections(unknown) == ("the board did not tell its power mode",)
    assert may_average([nano(power_mode=ABSENT), nano(power_mode=ABSENT)]), "a board without modes is no mystery"


def test_groups_of_cells_that_belong_together() -> None:
    hot = nano(warmth=replace(WITHIN, verdict="timed_out"))
    assert groups([nano(), hot, nano(), hot, nano(power_mode=FAULT), nano(power_mode=FAULT)]) == [
        [0, 2],
        [1, 3],
        [4],
        [5],
    ]
    assert groups([]) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"throttle": (Found(value=parse_throttled("0x0")), Found(value=parse_throttled("0x10000")))}, "under-voltage"),
        ({"throttle": (ABSENT, FAULT)}, "did not tell its throttled"),
        ({"swaps": Found(value=parse_swaps(NO_SWAP + "/dev/zram0 partition 507392 0 5\n"))}, "swap was on (zram)"),
        ({"warmth": replace(WITHIN, verdict="timed_out")}, "had not cooled down"),
    ],
)
def test_what_stands_against_a_cell(other: dict[str, Any], words: str) -> None:
    (sentence,) = objections(nano(**other))
    assert words in sentence


def test_circumstances_survive_a_file() -> None:
    cell = nano()
    assert from_json(json.loads(json.dumps(as_json(cell)))) == cell
    older = {name: value for name, value in as_json(cell).items() if name != "sampling"}
    assert from_json(older).sampling == UNREADABLE


@pytest.mark.parametrize(
    ("temperature_c", "baseline_c", "waited_s", "verdict"),
    [
        (41.0, 40.0, 0.0, "within"),
        (42.0, 40.0, 0.0, "within"),
        (38.0, 40.0, 0.0, "within"),
        (37.9, 40.0, 0.0, "colder"),
        (42.1, 40.0, 0.0, None),
        (42.1, 40.0, 299.9, None),
        (42.1, 40.0, 300.0, "timed_out"),
        (42.0, 40.0, 300.0, "within"),
        (None, 40.0, 0.0, "unknown"),
        (42.0, None, 0.0, "unknown"),
    ],
)
def test_the_temperature_window(
    temperature_c: float | None, baseline_c: float | None, waited_s: float, verdict: str | None
) -> None:
    assert decide(temperature_c, baseline_c, waited_s, timeout_s=300.0) == verdict


class Cooling:
    """Newton's law, on a clock that only sleeping moves."""

    def __init__(self, start_c: float, rest_c: float) -> None:
        self.start_c, self.rest_c, self.now_s = start_c, rest_c, 0.0

    def read_c(self) -> float:
        return float(self.rest_c + (self.start_c - self.rest_c) * 0.5 ** (self.now_s / 60.0))

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds

    def wait(self, baseline_c: float, timeout_s: float) -> Warmth:
        return wait_for_window(self.read_c, baseline_c, timeout_s, now=lambda: self.now_s, sleep=self.sleep)


def test_a_hot_board_is_waited_for() -> None:
    warmth = Cooling(60.0, 40.0).wait(40.0, 600.0)
    assert warmth.verdict == "within" and warmth.temperature_c is not None
    assert 40.0 < warmth.temperature_c <= 42.0 and 199.0 <= warmth.waited_s <= 205.0


def test_a_board_that_does_not_cool_down_is_recorded_as_such() -> None:
    warmth = Cooling(60.0, 50.0).wait(40.0, 123.0)
    assert (warmth.verdict, warmth.waited_s) == ("timed_out", pytest.approx(123.0))
    assert Cooling(60.0, 50.0).wait(40.0, 0.0).verdict == "timed_out"
