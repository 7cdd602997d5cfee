"""Which cells may be averaged, what spoils one, and how long a board is waited for to cool down."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.circumstances import (
    UNREADABLE,
    Circumstances,
    Held,
    Told,
    as_json,
    circumstances,
    from_json,
    objections,
)
from harness.facts import Found
from harness.facts.clocks import parse_jetson_clocks, parse_policies
from harness.facts.power_mode import PowerMode
from harness.facts.swap import parse_swaps
from harness.facts.throttle import parse_throttled
from harness.frame.circumstances import mark
from harness.thermal import Warmth, decide, wait_for_window

NO_SWAP = "Filename\tType\tSize\tUsed\tPriority\n"
WITHIN = Warmth(verdict="within", temperature_c=40.0, baseline_c=39.0, waited_s=0.0)
ABSENT: Found[Any] = Found(value=None)
FAULT: Found[Any] = Found(value=None, fault="exit code 1")


PI_QUIET, PI_ONCE = Found(value=parse_throttled("0x0")), Found(value=parse_throttled("0x10000"))
HELD = Held(
    power_mode=Found(value=PowerMode(name="MAXN", number=0)),
    clocks=Found(value=parse_jetson_clocks("GPU MinFreq=921600000 MaxFreq=921600000 CurrentFreq=921600000")),
    policies=Found(value=parse_policies("cpu0 schedutil 102000 1428000 1479000 schedutil")),
    swaps=Found(value=parse_swaps(NO_SWAP)),
    throttle=ABSENT,
)
TOLD = Told(torch=Found(value="1.10.0 0123456789ab"), python=Found(value="3.6.9"), raised=None, silent={})
SWAPPING = Found(value=parse_swaps(NO_SWAP + "/dev/zram0 partition 507392 0 5\n"))


def nano(**other: Any) -> Circumstances:
    facts: dict[str, Any] = {
        "virtual": None,
        "image": "jetson-nano@ab12",
        "system": "Linux 4.9.253-tegra",
        "before": HELD,
        "after": other.get("before", HELD),
        "told": TOLD,
        "warmth": WITHIN,
        "rates": "10 Hz",
        "sidecars": ["nvml", "jtop"],
        **other,
    }
    return circumstances("nano-1", **facts)


def held(**other: Found[Any]) -> Held:
    return replace(HELD, **other)


def averaged(*cells: Circumstances) -> bool:
    """Whether the frames put them under one mark."""
    marks = {mark({"cell_id": str(number)}, as_json(cell))["circumstances_id"] for number, cell in enumerate(cells)}
    return len(marks) == 1


def test_the_same_circumstances_may_be_averaged() -> None:
    cell = nano()
    assert averaged(cell, nano(), nano()) and objections(cell) == ()
    assert (cell.power_mode, cell.clocks_locked, cell.governor) == ("MAXN", True, "schedutil")
    assert (cell.torch, cell.swap, cell.throttled, cell.changed) == ("1.10.0 0123456789ab", (), None, ())
    assert cell.sampling == "10 Hz, jtop, nvml"


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ({"virtual": "embedded"}, "virtual"),
        ({"before": held(power_mode=Found(value=PowerMode(name="5W", number=1)))}, "power_mode"),
        ({"before": held(policies=Found(value=parse_policies("cpu0 performance 102000 1428000 1479000")))}, "governor"),
        ({"before": held(policies=Found(value=parse_policies("cpu0 schedutil 102000 918000 1479000")))}, "cpu_max_hz"),
        ({"told": replace(TOLD, torch=Found(value="1.10.0 ba9876543210"))}, "torch"),
        ({"before": held(swaps=SWAPPING)}, "swap"),
        ({"after": held(swaps=SWAPPING)}, "changed"),
        ({"warmth": replace(WITHIN, verdict="timed_out")}, "warmth"),
        ({"image": "jetson-nano@cd34"}, "image"),
        ({"rates": "50 Hz"}, "sampling"),
        ({"told": replace(TOLD, silent={"jtop": "absent"})}, "sampling"),
        ({"told": replace(TOLD, raised=("over_crit_current",))}, "throttled"),
        ({"before": held(power_mode=ABSENT)}, "power_mode"),
    ],
)
def test_what_differs_is_never_averaged(other: dict[str, Any], name: str) -> None:
    one, another = as_json(nano()), as_json(nano(**other))
    assert [field for field in one if one[field] != another[field]] == [name]
    assert not averaged(nano(), nano(**other))


def test_what_would_not_be_read_agrees_with_nothing() -> None:
    for unknown in (nano(before=held(power_mode=FAULT)), nano(after=held(power_mode=FAULT))):
        assert unknown.power_mode == UNREADABLE
        assert not averaged(unknown, unknown)
        assert objections(unknown) == ("the board did not tell its power mode",)
    modeless = nano(before=held(power_mode=ABSENT))
    assert averaged(modeless, modeless), "a board without modes is no mystery"


def test_degrees_are_kept_and_part_no_cells() -> None:
    warmer = nano(warmth=replace(WITHIN, temperature_c=41.7, baseline_c=40.1))
    assert (warmer.temperature_c, warmer.baseline_c) == (41.7, 40.1)
    assert averaged(nano(), warmer)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"before": held(throttle=PI_QUIET), "after": held(throttle=PI_ONCE)}, "reported under voltage"),
        (
            {"before": held(throttle=PI_ONCE), "told": replace(TOLD, raised=("under_voltage",))},
            "reported under voltage",
        ),
        ({"after": held(throttle=FAULT)}, "did not tell its throttled"),
        ({"before": held(swaps=SWAPPING)}, "swap was on (zram)"),
        (
            {"after": held(power_mode=Found(value=PowerMode(name="5W", number=1)))},
            "not the same before and after the cell: power_mode: MAXN / 5W",
        ),
        ({"warmth": replace(WITHIN, verdict="timed_out")}, "had not cooled down"),
    ],
)
def test_what_stands_against_a_cell(other: dict[str, Any], words: str) -> None:
    (sentence,) = objections(nano(**other))
    assert words in sentence


def test_a_quiet_sensor_is_not_a_missing_one() -> None:
    assert nano(before=held(throttle=PI_QUIET)).throttled == ()
    assert nano(told=replace(TOLD, raised=())).throttled == ()
    assert nano().throttled is None


def test_circumstances_survive_a_file() -> None:
    cell = nano()
    assert from_json(json.loads(json.dumps(as_json(cell)))) == cell
    older = {name: value for name, value in as_json(cell).items() if name != "sampling"}
    assert from_json(older).sampling == UNREADABLE
    older = {name: value for name, value in as_json(cell).items() if name != "temperature_c"}
    assert from_json(older).temperature_c is None and objections(from_json(older)) == ()


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


def test_who_waits_for_nothing_is_not_parted_by_noise() -> None:
    warmths = [Cooling(celsius, celsius).wait(40.0, 0.0) for celsius in (37.0, 40.0, 43.0)]
    assert {warmth.verdict for warmth in warmths} == {"not_waited_for"}
    assert [warmth.temperature_c for warmth in warmths] == [37.0, 40.0, 43.0]
