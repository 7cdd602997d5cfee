"""A board's clock against the controller's, from exchanges over the control channel.

One exchange is (sent, board, received): the board read its clock somewhere between our sending and our receiving, so
that its offset, board - controller, lies within half a round trip of the middle, however lopsided the way there and
back. The exchange with the shortest round trip of a few is a reading.

Traces count in CLOCK_MONOTONIC, which NTP slews whenever it likes. So a board answers with CLOCK_MONOTONIC_RAW too, its
crystal alone: between two good readings that one runs straight, whatever happened to the other, and each reading says
exactly how far the two were apart. A reading of one poor exchange is as good for that as any. The controller's side is
its raw clock alone (`now_s`).

What no crystal does is not believed to be straight: what the raw clock may have done in between is then in the
uncertainty. Where no clock that runs on gives two readings (a reboot, a suspend), the map is cut in two.

All times in seconds, drift in parts per million. Pure, but for `now_s` and `read_clock`.
"""

from __future__ import annotations

import bisect
import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

EXCHANGES = 32  # enough for one quick round trip among those that queued
RESOLUTION_S = 1e-6  # the agent's answer has microseconds
CRYSTALS_PPM = 200.0  # what two crystals may do against each other
SLEW_PPM = 500.0  # what NTP does to a monotonic clock
DRIFT_LIMIT_PPM = SLEW_PPM + CRYSTALS_PPM  # more is no clock that runs on
WANDER_PPM = 2.0  # what the drift itself may change within a cell, as the board warms up


def now_s() -> float:
    """The controller's clock for all that is set beside a board's readings."""
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


class BoardTime(NamedTuple):
    """A board's two clocks at one moment."""

    t_s: float  # CLOCK_MONOTONIC, which its traces count in
    raw_s: float  # CLOCK_MONOTONIC_RAW


class Exchange(NamedTuple):
    sent_s: float  # controller's clock
    board: BoardTime
    received_s: float  # controller's clock

    @property
    def round_trip_s(self) -> float:
        return self.received_s - self.sent_s


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """The board's clocks at one moment. The true offset lies within offset_s +- uncertainty_s."""

    controller_s: float
    board_s: float
    board_raw_s: float
    uncertainty_s: float
    round_trip_s: float
    exchanges: int

    @property
    def offset_s(self) -> float:
        """Board minus controller."""
        return self.board_s - self.controller_s

    @property
    def raw_offset_s(self) -> float:
        return self.board_raw_s - self.controller_s


class Instant(NamedTuple):
    """A board's moment on the controller's clock, true within +- uncertainty_s."""

    controller_s: float
    uncertainty_s: float


def reading_of(exchanges: Iterable[Exchange]) -> ClockReading:
    """The quickest exchange as a reading. Raises `ValueError` without any sound one."""
    sound = [each for each in exchanges if 0 <= each.round_trip_s < math.inf and all(map(math.isfinite, each.board))]
    if not sound:
        raise ValueError("no exchange with the board's clock")
    best = min(sound, key=lambda each: each.round_trip_s)
    return ClockReading(
        controller_s=(best.sent_s + best.received_s) / 2,
        board_s=best.board.t_s,
        board_raw_s=best.board.raw_s,
        uncertainty_s=best.round_trip_s / 2 + RESOLUTION_S,
        round_trip_s=best.round_trip_s,
        exchanges=len(sound),
    )


def read_clock(
    ask: Callable[[], BoardTime], exchanges: int = EXCHANGES, now: Callable[[], float] = now_s
) -> ClockReading:
    """Ask the board for its time, a few times. What `ask` raises goes through."""
    made = []
    for _ in range(exchanges):
        sent_s = now()
        board = ask()
        made.append(Exchange(sent_s, board, now()))
    return reading_of(made)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Between two readings of one raw clock that ran on. `readings`: these two, and those between them."""

    readings: tuple[ClockReading, ...]

    @property
    def start(self) -> ClockReading:
        return self.readings[0]

    @property
    def end(self) -> ClockReading:
        return self.readings[-1]

    @property
    def drift_ppm(self) -> float:
        """How much faster than the controller's the board's raw clock runs."""
        return (self.end.raw_offset_s - self.start.raw_offset_s) / self._controller_s * 1e6

    @property
    def drift_uncertainty_ppm(self) -> float:
        return (self.start.uncertainty_s + self.end.uncertainty_s) / self._controller_s * 1e6

    @property
    def _controller_s(self) -> float:
        return self.end.controller_s - self.start.controller_s

    @cached_property
    def steady(self) -> bool:
        """Whether crystals explain the two readings."""
        return abs(self.drift_ppm) <= CRYSTALS_PPM + self.drift_uncertainty_ppm

    @cached_property
    def jumped(self) -> bool:
        """Whether no clock that runs on, however badly, gives these two readings."""
        return abs(self.drift_ppm) > DRIFT_LIMIT_PPM + self.drift_uncertainty_ppm

    def covers(self, board_s: float) -> bool:
        return self.start.board_s <= board_s <= self.end.board_s

    def at(self, board_s: float) -> Instant:
        """The board's moment on its raw clock, and from there straight; the errors of both steps, and the wander."""
        raw_s, slewed_s = self._raw(board_s)
        share = (raw_s - self.start.board_raw_s) / (self.end.board_raw_s - self.start.board_raw_s)
        controller_s = self.start.controller_s + share * self._controller_s
        ends_s = abs(1 - share) * self.start.uncertainty_s + abs(share) * self.end.uncertainty_s
        away_s = min(abs(raw_s - self.start.board_raw_s), abs(raw_s - self.end.board_raw_s))
        return Instant(controller_s, slewed_s + ends_s + WANDER_PPM * 1e-6 * away_s)

    def _raw(self, board_s: float) -> tuple[float, float]:
        """On the raw clock, and how far off that may be: both clocks are known at each reading, and slew in between."""
        place = bisect.bisect_left(self._boards_s, board_s, 1, len(self.readings) - 1)
        before, after = self.readings[place - 1], self.readings[place]
        gone_s = board_s - before.board_s
        whole_s = max(after.board_s - before.board_s, RESOLUTION_S)
        rate = (after.board_raw_s - before.board_raw_s) / whole_s - 1.0
        most = max(SLEW_PPM * 1e-6, 2 * abs(rate))
        left_s = whole_s - gone_s
        ahead_s = min((most - rate) * gone_s, (most + rate) * left_s)
        behind_s = min((most + rate) * gone_s, (most - rate) * left_s)
        return before.board_raw_s + gone_s * (1.0 + rate), max(ahead_s, behind_s) + RESOLUTION_S

    @cached_property
    def _boards_s(self) -> list[float]:
        return [reading.board_s for reading in self.readings]

    def between(self, board_s: float) -> Instant:
        """Between the readings, whatever the clocks did as they ran on."""
        whole = _covering([_one_sided(self.start, board_s), _one_sided(self.end, board_s)])
        low_s = max(whole.controller_s - whole.uncertainty_s, self.start.controller_s - self.start.uncertainty_s)
        high_s = min(whole.controller_s + whole.uncertainty_s, self.end.controller_s + self.end.uncertainty_s)
        return Instant((low_s + high_s) / 2, (high_s - low_s) / 2)

    def after_jump(self, board_s: float) -> list[Instant]:
        """The moments that the board's time may stand for: before the jump, after it, or both, or none."""
        sides = (_one_sided(self.start, board_s), _one_sided(self.end, board_s))
        return [side for side in sides if self._holds(side)]

    def _holds(self, instant: Instant) -> bool:
        early_s = self.start.controller_s - instant.controller_s
        late_s = instant.controller_s - self.end.controller_s
        return max(early_s, late_s) <= instant.uncertainty_s

    def against(self, reading: ClockReading) -> float:
        """By how much a reading between the two contradicts a straight line, seconds; not at all below zero."""
        told = self.at(reading.board_s)
        return abs(told.controller_s - reading.controller_s) - told.uncertainty_s - reading.uncertainty_s


@dataclass(frozen=True, kw_only=True)
class ClockMap:
    """From the board's clock to the controller's. Readings in the controller's order, at least one."""

    readings: tuple[ClockReading, ...]
    spans: tuple[Span, ...]  # one after the other, as few as explain all readings

    @cached_property
    def jumps(self) -> tuple[Span, ...]:
        """Where the clock did not run on: times of the board from there on mean something else."""
        return tuple(span for span in self.spans if span.jumped)

    @property
    def offset_s(self) -> float:
        """At the start."""
        return self.readings[0].offset_s

    @cached_property
    def uncertainty_s(self) -> float:
        """The largest between the first and the last reading, at the readings and half-way between them."""
        moments = {share * before.board_s + (1 - share) * after.board_s
                   for before, after in itertools.pairwise(self.readings) for share in (0.0, 0.5, 1.0)}  # fmt: skip
        known = [self.to_controller(moment).uncertainty_s for moment in moments]
        return max(known, default=self.readings[0].uncertainty_s)

    @property
    def drift_ppm(self) -> float | None:
        """Of the raw clock over the whole time; None where it jumped, or was read only once."""
        return self._whole.drift_ppm if self._whole else None

    @property
    def drift_uncertainty_ppm(self) -> float | None:
        return self._whole.drift_uncertainty_ppm if self._whole else None

    @cached_property
    def _whole(self) -> Span | None:
        return None if len(self.readings) < 2 or self.jumps else Span(readings=self.readings)

    def to_controller(self, board_s: float) -> Instant:
        """The moment on the controller's clock. Near a jump its uncertainty covers every meaning the time may have."""
        meanings = [each for span in self.spans for each in _meanings(span, board_s)]
        if meanings:
            return _covering(meanings)
        nearest = min((self.readings[0], self.readings[-1]), key=lambda each: abs(each.board_s - board_s))
        return _one_sided(nearest, board_s)


def _meanings(span: Span, board_s: float) -> list[Instant]:
    if span.jumped:
        return span.after_jump(board_s)
    if not span.covers(board_s):
        return []
    return [span.at(board_s) if span.steady else span.between(board_s)]


def clock_map(readings: Sequence[ClockReading]) -> ClockMap:
    """Any number of readings, good and poor.

    Raises `ValueError` for none, or where they are not in order and apart on the controller's clock.
    """
    if not readings:
        raise ValueError("no reading of the board's clock")
    if any(b.controller_s <= a.controller_s for a, b in itertools.pairwise(readings)):
        raise ValueError("readings of the board's clock are out of order")
    every = tuple(readings)
    return ClockMap(readings=every, spans=tuple(_spans(every)) if len(every) > 1 else ())


def _spans(readings: tuple[ClockReading, ...]) -> list[Span]:
    """One, or two where a reading in between contradicts it or says more than it does; and so on."""
    whole = Span(readings=readings)
    place = _corner(whole)
    return [whole] if place is None else [*_spans(readings[: place + 1]), *_spans(readings[place:])]


def _corner(whole: Span) -> int | None:
    between = whole.readings[1:-1]
    if not between:
        return None
    if whole.steady:
        worst = max(range(len(between)), key=lambda place: whole.against(between[place]))
        return worst + 1 if whole.against(between[worst]) > 0 else None
    sharpest = min(range(len(between)), key=lambda place: between[place].uncertainty_s)
    says_more = whole.jumped or between[sharpest].uncertainty_s < whole.between(between[sharpest].board_s).uncertainty_s
    return sharpest + 1 if says_more else None


def _one_sided(reading: ClockReading, board_s: float) -> Instant:
    away_s = board_s - reading.board_s
    return Instant(reading.controller_s + away_s, reading.uncertainty_s + DRIFT_LIMIT_PPM * 1e-6 * abs(away_s))


def _covering(instants: Sequence[Instant]) -> Instant:
    if len(instants) == 1:
        return instants[0]
    low_s = min(each.controller_s - each.uncertainty_s for each in instants)
    high_s = max(each.controller_s + each.uncertainty_s for each in instants)
    return Instant((low_s + high_s) / 2, (high_s - low_s) / 2)
