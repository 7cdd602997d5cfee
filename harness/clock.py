"""A board's monotonic clock against the controller's, from exchanges over the control channel.

One exchange is (sent, board, received): the board read its clock somewhere between our sending and our receiving, so
that its offset, board - controller, lies within half a round trip of the middle, however lopsided the way there and
back. The exchange with the shortest round trip of a few is a reading.

Between two readings NTP may have slewed the clock, or it stood still, and the uncertainty covers both ends of that: all
of it has happened, or is still to come. For readings far apart that would be far too wide: where a crystal's drift
explains them it is believed, and the map is linear; a slew that stays within a crystal's drift on average is then not
seen. Where no clock that runs on gives two readings (a reboot, a suspend), the map is cut in two.

All times in seconds, drift in parts per million. Pure, but for `read_clock`.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

EXCHANGES = 16  # enough for one quick round trip among those that queued
RESOLUTION_S = 1e-6  # the agent's answer has microseconds
CRYSTAL_PPM = 100.0  # what a crystal may do
DRIFT_LIMIT_PPM = 500.0 + CRYSTAL_PPM  # more is no clock that runs on: NTP slews by 500 ppm at most
NEAR_S = 30.0  # OURS: readings so near leave milliseconds open even where nothing is believed
WANDER_PPM = 2.0  # what the drift itself may change within a cell, as the board warms up


class Exchange(NamedTuple):
    sent_s: float  # controller's clock
    board_s: float  # board's clock
    received_s: float  # controller's clock

    @property
    def round_trip_s(self) -> float:
        return self.received_s - self.sent_s


@dataclass(frozen=True, kw_only=True)
class ClockReading:
    """The board's clock at one moment. The true offset lies within offset_s +- uncertainty_s."""

    controller_s: float
    board_s: float
    uncertainty_s: float
    round_trip_s: float
    exchanges: int

    @property
    def offset_s(self) -> float:
        """Board minus controller."""
        return self.board_s - self.controller_s


class Instant(NamedTuple):
    """A board's moment on the controller's clock, true within +- uncertainty_s."""

    controller_s: float
    uncertainty_s: float


def reading_of(exchanges: Iterable[Exchange]) -> ClockReading:
    """The quickest exchange as a reading. Raises `ValueError` without any sound one."""
    sound = [each for each in exchanges if 0 <= each.round_trip_s < math.inf and math.isfinite(each.board_s)]
    if not sound:
        raise ValueError("no exchange with the board's clock")
    best = min(sound, key=lambda each: each.round_trip_s)
    return ClockReading(
        controller_s=(best.sent_s + best.received_s) / 2,
        board_s=best.board_s,
        uncertainty_s=best.round_trip_s / 2 + RESOLUTION_S,
        round_trip_s=best.round_trip_s,
        exchanges=len(sound),
    )


def read_clock(
    ask: Callable[[], float], exchanges: int = EXCHANGES, now: Callable[[], float] = time.monotonic
) -> ClockReading:
    """Ask the board for its time, a few times. What `ask` raises goes through."""
    made = []
    for _ in range(exchanges):
        sent_s = now()
        board_s = ask()
        made.append(Exchange(sent_s, board_s, now()))
    return reading_of(made)


@dataclass(frozen=True, kw_only=True)
class Span:
    """Between two readings of one clock that ran on."""

    start: ClockReading
    end: ClockReading

    @property
    def drift_ppm(self) -> float:
        """How much faster than the controller's the board's clock runs."""
        return (self.end.offset_s - self.start.offset_s) / self._controller_s * 1e6

    @property
    def drift_uncertainty_ppm(self) -> float:
        return (self.start.uncertainty_s + self.end.uncertainty_s) / self._controller_s * 1e6

    @property
    def _controller_s(self) -> float:
        return self.end.controller_s - self.start.controller_s

    @cached_property
    def steady(self) -> bool:
        """Whether a crystal is believed to explain the two readings."""
        return not self.near and abs(self.drift_ppm) <= CRYSTAL_PPM + self.drift_uncertainty_ppm

    @property
    def near(self) -> bool:
        return self._controller_s <= NEAR_S

    @cached_property
    def jumped(self) -> bool:
        """Whether no clock that runs on, however badly, gives these two readings."""
        slack_s = self.start.uncertainty_s + self.end.uncertainty_s + DRIFT_LIMIT_PPM * 1e-6 * self._controller_s
        return abs(self.end.offset_s - self.start.offset_s) > slack_s

    def at(self, board_s: float) -> Instant:
        """Linear between the readings; the errors of both ends, and the wander in between."""
        share = (board_s - self.start.board_s) / (self.end.board_s - self.start.board_s)
        controller_s = self.start.controller_s + share * self._controller_s
        ends_s = abs(1 - share) * self.start.uncertainty_s + abs(share) * self.end.uncertainty_s
        away_s = min(abs(board_s - self.start.board_s), abs(board_s - self.end.board_s))
        return Instant(controller_s, ends_s + WANDER_PPM * 1e-6 * away_s)

    def between(self, board_s: float) -> Instant:
        """Between the readings, whatever the clock did as it ran on."""
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


@dataclass(frozen=True, kw_only=True)
class ClockMap:
    """From the board's clock to the controller's. Readings in the controller's order, at least one."""

    readings: tuple[ClockReading, ...]

    @cached_property
    def spans(self) -> tuple[Span, ...]:
        return tuple(Span(start=a, end=b) for a, b in itertools.pairwise(self.readings))

    @cached_property
    def jumps(self) -> tuple[Span, ...]:
        """Where the clock did not run on: times of the board from there on mean something else."""
        return tuple(span for span in self.spans if span.jumped)

    @property
    def offset_s(self) -> float:
        """At the start."""
        return self.readings[0].offset_s

    @property
    def uncertainty_s(self) -> float:
        """The largest between the first and the last reading."""
        moments = {share * span.start.board_s + (1 - share) * span.end.board_s
                   for span in self.spans for share in (0.0, 0.5, 1.0)}  # fmt: skip
        known = [self.to_controller(moment).uncertainty_s for moment in moments]
        return max(known, default=self.readings[0].uncertainty_s)

    @property
    def drift_ppm(self) -> float | None:
        """Over the whole time; None where it jumped, or was read only once."""
        whole = self._whole
        return whole.drift_ppm if whole else None

    @property
    def drift_uncertainty_ppm(self) -> float | None:
        whole = self._whole
        return whole.drift_uncertainty_ppm if whole else None

    @property
    def _whole(self) -> Span | None:
        if len(self.readings) < 2 or self.jumps:
            return None
        return Span(start=self.readings[0], end=self.readings[-1])

    def to_controller(self, board_s: float) -> Instant:
        """The moment on the controller's clock. Near a jump its uncertainty covers every meaning the time may have."""
        meanings = [each for span in self.spans for each in self._meanings(span, board_s)]
        if meanings:
            return _covering(meanings)
        nearest = min((self.readings[0], self.readings[-1]), key=lambda each: abs(each.board_s - board_s))
        return _one_sided(nearest, board_s)

    def _meanings(self, span: Span, board_s: float) -> list[Instant]:
        if span.jumped:
            return span.after_jump(board_s)
        if not span.start.board_s <= board_s <= span.end.board_s:
            return []
        return [span.at(board_s) if span.steady else span.between(board_s)]


def clock_map(readings: Sequence[ClockReading]) -> ClockMap:
    """Any number of readings, the poor among them left out.

    Raises `ValueError` for none, or where they are not in order and apart on the controller's clock.
    """
    if not readings:
        raise ValueError("no reading of the board's clock")
    if any(b.controller_s <= a.controller_s for a, b in itertools.pairwise(readings)):
        raise ValueError("readings of the board's clock are out of order")
    kept = list(readings)
    for each in sorted(readings[1:-1], key=lambda reading: -reading.uncertainty_s):
        place = kept.index(each)
        if _says_less(each, Span(start=kept[place - 1], end=kept[place + 1])):
            del kept[place]
    return ClockMap(readings=tuple(kept))


def _says_less(reading: ClockReading, around: Span) -> bool:
    """Than the readings before and after it do, as a ping that queued."""
    if around.jumped or not around.near:
        return False
    told = around.between(reading.board_s)
    apart_s = abs(told.controller_s - reading.controller_s)
    return apart_s + told.uncertainty_s <= reading.uncertainty_s


def _one_sided(reading: ClockReading, board_s: float) -> Instant:
    away_s = board_s - reading.board_s
    return Instant(reading.controller_s + away_s, reading.uncertainty_s + CRYSTAL_PPM * 1e-6 * abs(away_s))


def _covering(instants: Sequence[Instant]) -> Instant:
    if len(instants) == 1:
        return instants[0]
    low_s = min(each.controller_s - each.uncertainty_s for each in instants)
    high_s = max(each.controller_s + each.uncertainty_s for each in instants)
    return Instant((low_s + high_s) / 2, (high_s - low_s) / 2)
