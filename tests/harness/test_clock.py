"""Clocks: an injected offset and drift come back within what the estimate says of itself, and a jump is seen."""

from __future__ import annotations

import math
import random
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import harness.agent
from harness.board.agent_line import PING_INTERVAL_S, board_time
from harness.clock import BoardTime, ClockMap, ClockReading, Exchange, clock_map, read_clock, reading_of
from harness.frame.align import on_controller
from tests.agent.agent_client import AgentProcess

CELL_S = 300.0


class Link:
    """A board behind a link: its two clocks, and a controller's clock that moves on as messages travel."""

    def __init__(self, seed: int, offset_s: float = 0.0, drift_ppm: float = 0.0, there_s: float = 2e-4,
                 back_s: float = 2e-4, jitter_s: float = 3e-4) -> None:  # fmt: skip
        self.random = random.Random(seed)
        self.now_s = 1000.0
        self.offset_s, self.drift_ppm = offset_s, drift_ppm
        self.slew_from_s, self.slew_ppm = float("inf"), 0.0
        self.delays_s = (there_s, back_s)
        self.jitter_s = jitter_s

    def raw(self, controller_s: float) -> float:
        return controller_s + self.offset_s + self.drift_ppm * 1e-6 * (controller_s - 1000.0)

    def board(self, controller_s: float) -> float:
        """NTP's frequency correction moved it away from the raw clock long ago, and may begin to slew it."""
        slewed_s = self.slew_ppm * 1e-6 * max(0.0, controller_s - self.slew_from_s)
        return self.raw(controller_s) + 3.2 + 20e-6 * controller_s + slewed_s

    def ask(self) -> BoardTime:
        self._travel(self.delays_s[0])
        board = BoardTime(round(self.board(self.now_s), 6), round(self.raw(self.now_s), 6))
        self._travel(self.delays_s[1])
        return board

    def _travel(self, delay_s: float) -> None:
        self.now_s += delay_s + self.random.expovariate(1 / self.jitter_s)

    def read(self) -> ClockReading:
        return read_clock(self.ask, now=lambda: self.now_s)

    def ping(self) -> ClockReading:
        return read_clock(self.ask, exchanges=1, now=lambda: self.now_s)


def slewed_by_ntp(link: Link, share: float, sign: float) -> None:
    """From that share of the cell on."""
    link.slew_from_s, link.slew_ppm = link.now_s + share * CELL_S, sign * 500.0


def readings_of(link: Link, ping_s: float | None) -> list[ClockReading]:
    """At both ends of a cell, and at each ping in between."""
    readings, end_s = [link.read()], link.now_s + CELL_S
    while ping_s and link.now_s + ping_s < end_s:
        link.now_s += ping_s
        readings.append(link.ping())
    link.now_s = max(link.now_s, end_s)
    return [*readings, link.read()]


def lan(seed: int) -> Link:
    """Delays of a wired or good wireless network, lopsided; any offset, any crystal."""
    draw = random.Random(seed)
    return Link(
        seed,
        offset_s=draw.uniform(-1e5, 1e5),
        drift_ppm=draw.uniform(-100, 100),
        there_s=draw.uniform(5e-5, 1e-3),
        back_s=draw.uniform(5e-5, 1e-3),
        jitter_s=draw.uniform(5e-5, 2e-3),
    )


def test_offsets_and_drifts_come_back_within_their_uncertainty() -> None:
    for seed in range(150):
        link = lan(seed)
        clocks = clock_map(readings_of(link, PING_INTERVAL_S))
        assert len(clocks.spans) == 1 and not clocks.jumps
        assert clocks.drift_ppm is not None and clocks.drift_uncertainty_ppm is not None
        assert abs(clocks.drift_ppm - link.drift_ppm) <= clocks.drift_uncertainty_ppm
        assert errors_of(link, clocks) == [], seed
        assert clocks.uncertainty_s <= 2e-3


def test_a_lopsided_link_errs_within_half_a_round_trip() -> None:
    reading = Link(1, offset_s=7.0, there_s=5e-3, back_s=0.0, jitter_s=1e-6).read()
    assert reading.raw_offset_s == pytest.approx(7.0025, abs=1e-4)
    assert abs(reading.raw_offset_s - 7.0) <= reading.uncertainty_s <= 2.6e-3


def test_drift_alone_would_be_milliseconds() -> None:
    link = Link(2, drift_ppm=50.0)
    start = link.read()
    link.now_s += CELL_S
    clocks = clock_map([start, link.read()])
    assert clocks.drift_ppm == pytest.approx(50.0, abs=clocks.drift_uncertainty_ppm)
    assert clock_map([start]).to_controller(link.board(1300.0)).uncertainty_s > CELL_S * 50e-6


def errors_of(link: Link, clocks: ClockMap) -> list[float]:
    """By how much moments of the cell lie outside what is stated of them, seconds; none where it holds."""
    start_s, end_s = clocks.readings[0].controller_s, clocks.readings[-1].controller_s
    outside = []
    for step in range(31):
        controller_s = start_s + step / 30 * (end_s - start_s)
        instant = clocks.to_controller(link.board(controller_s))
        outside.append(abs(instant.controller_s - controller_s) - instant.uncertainty_s)
    return [each for each in outside if each > 0]


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize("ping_s", [None, PING_INTERVAL_S], ids=["both ends", "pings"])
def test_a_slew_that_begins_within_the_cell_is_within_the_uncertainty(ping_s: float | None, sign: float) -> None:
    """By the ends alone the board's two clocks may have been apart by a lot in between; pings say by how much."""
    for seed in range(12):
        link = lan(seed)
        slewed_by_ntp(link, seed / 11, sign)
        clocks = clock_map(readings_of(link, ping_s))
        assert not clocks.jumps and errors_of(link, clocks) == [], seed
        if ping_s:
            stated_s = clocks.uncertainty_s
            assert stated_s <= 2e-3
            board_s = [link.board(1000.5 + step) for step in range(290)]
            moments = on_controller(clocks, board_s)
            assert all(abs(m - (1000.5 + n)) <= stated_s for n, m in enumerate(moments) if m is not None)


def test_a_raw_clock_that_no_crystal_explains_is_not_believed_to_be_straight() -> None:
    link = Link(8, drift_ppm=400.0)
    clocks = clock_map(readings_of(link, PING_INTERVAL_S))
    assert not clocks.jumps and errors_of(link, clocks) == []
    assert clocks.drift_ppm == pytest.approx(400.0, abs=5.0)
    assert clocks.uncertainty_s < 0.01


def test_a_short_suspend_within_an_hour_is_within_the_uncertainty() -> None:
    """417 ppm on average: by its size alone it might be a slew."""
    for stood_at_s in (1200.0, 2800.0, 4500.0):
        link = Link(6)
        start = link.read()
        link.offset_s, link.now_s = -1.5, 4600.0
        clocks = clock_map([start, link.read()])
        for controller_s in (1100.0, 1900.0, 3000.0, 4590.0):
            link.offset_s = -1.5 if controller_s > stood_at_s else 0.0
            instant = clocks.to_controller(link.board(controller_s))
            assert abs(instant.controller_s - controller_s) <= instant.uncertainty_s


def test_a_ping_that_queued_makes_nothing_worse() -> None:
    link = Link(7)
    good = readings_of(link, PING_INTERVAL_S)
    middle = good[30]
    poor = replace(middle, uncertainty_s=0.5, controller_s=middle.controller_s + 0.4)
    clocks = clock_map([*good[:30], poor, *good[31:]])
    assert errors_of(link, clocks) == [] and clocks.uncertainty_s == clock_map(good).uncertainty_s


@pytest.mark.parametrize("jump_s", [0.5, -0.5, 3600.0, -900.0])
def test_a_jump_is_seen_and_both_pieces_stay_usable(jump_s: float) -> None:
    link = Link(3, offset_s=10.0, drift_ppm=20.0)
    start = link.read()
    jump_at_s = 1100.0
    board_at = {c: link.board(c) for c in (1001.0, 1090.0)}
    link.offset_s += jump_s
    board_at |= {c: link.board(c) for c in (1110.0, 1295.0)}
    link.now_s = 1300.0
    clocks = clock_map([start, link.read()])
    assert len(clocks.jumps) == 1 and clocks.drift_ppm is None and clocks.drift_uncertainty_ppm is None
    for controller_s, board_s in board_at.items():
        instant = clocks.to_controller(board_s)
        assert abs(instant.controller_s - controller_s) <= instant.uncertainty_s, (controller_s, jump_at_s)
        assert instant.uncertainty_s <= abs(jump_s) / 2 + 0.2


def test_a_reading_in_between_confines_a_jump() -> None:
    link = Link(4)
    readings = []
    for at_s in range(1000, 1300, 2):
        link.now_s = float(at_s)
        link.offset_s = 1.0 if at_s > 1150 else 0.0
        readings.append(link.read())
    clocks = clock_map(readings)
    assert [round(span.start.controller_s) for span in clocks.jumps] == [1150]
    for controller_s in (1051.0, 1251.0):
        link.offset_s = 1.0 if controller_s > 1150 else 0.0
        instant = clocks.to_controller(link.board(controller_s))
        assert abs(instant.controller_s - controller_s) <= instant.uncertainty_s < 1.2e-3


def test_a_moment_outside_the_readings_is_less_certain() -> None:
    link = Link(5, drift_ppm=30.0)
    start = link.read()
    link.now_s += CELL_S
    clocks = clock_map([start, link.read()])
    instant = clocks.to_controller(link.board(1400.0))
    assert 0.05 < instant.uncertainty_s < 0.08 and abs(instant.controller_s - 1400.0) <= instant.uncertainty_s


def test_unsound_exchanges_do_not_count() -> None:
    sound = Exchange(1.0, BoardTime(5.0, 4.0), 1.5)
    backward, garbage = Exchange(2.0, sound.board, 1.0), Exchange(1.0, BoardTime(math.nan, 1.0), 1.1)
    reading = reading_of([backward, garbage, sound])
    assert (reading.exchanges, reading.round_trip_s, reading.offset_s, reading.raw_offset_s) == (1, 0.5, 3.75, 2.75)
    with pytest.raises(ValueError, match="no exchange"):
        reading_of([])
    with pytest.raises(ValueError, match="no reading"):
        clock_map([])
    with pytest.raises(ValueError, match="out of order"):
        clock_map([reading, reading])


def test_an_error_of_the_channel_goes_through() -> None:
    def ask() -> BoardTime:
        raise ConnectionError("cut")

    with pytest.raises(ConnectionError):
        read_clock(ask)


def test_the_real_agent_on_this_machine_has_no_offset(tmp_path: Path) -> None:
    """Its raw clock is ours: what is left is error, and the bound must hold."""
    agent = started_agent(tmp_path)
    try:
        readings = [read_clock(lambda: board_time(agent.ask("ping"))) for _ in range(20)]
    finally:
        agent.close()
    assert all(abs(reading.raw_offset_s) <= reading.uncertainty_s for reading in readings)
    assert min(reading.uncertainty_s for reading in readings) <= 2e-3


def started_agent(tmp_path: Path) -> AgentProcess:
    package = Path(harness.agent.__file__).parent
    shutil.copytree(package, tmp_path / "code" / "agent", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "root").mkdir()
    return AgentProcess(tmp_path / "code", tmp_path / "root", sys.executable, "/", reading=True)
