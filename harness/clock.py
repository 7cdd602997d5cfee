"""A board's monotonic clock against the controller's, from exchanges over the control channel.

One exchange is (sent, board, received): the board read its clock somewhere between our sending and our receiving, so
that its offset, board - controller, lies within half a round trip of the middle, however lopsided the way there and
back. The exchange with the shortest round trip of a few is a reading. Readings at the start and the end of a cell give
a linear map; where two readings cannot be the same clock running on (a reboot, a suspend), the map is cut in two.

All times in seconds, drift in parts per million. Pure, but for `read_clock`.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

EXCHANGES = 16  # enough for one quick round trip among those that queued
RESOLUTION_S = 1e-6  # the agent's answer has microseconds
DRIFT_LIMIT_PPM = 500.0  # more is no clock that runs on: NTP slews by 500 ppm at most, crystals are within 100
UNKNOWN_DRIFT_PPM = 100.0  # what a crystal may do where nothing was measured
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

    @property
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

    def meanings(self, board_s: float) -> list[Instant]:
        """The moments of this span that the board's time may stand for: none or one, after a jump up to two."""
        if not self.jumped:
            return [self.at(board_s)] if self.start.board_s <= board_s <= self.end.board_s else []
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

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple(Span(start=a, end=b) for a, b in itertools.pairwise(self.readings))

    @property
    def jumps(self) -> tuple[Span, ...]:
        """Where the clock did not run on: times of the board from there on mean something else."""
        return tuple(span for span in self.spans if span.jumped)

    @property
    def offset_s(self) -> float:
        """At the start."""
        return self.readings[0].offset_s

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
        meanings = [each for span in self.spans for each in span.meanings(board_s)]
        if meanings:
            return _covering(meanings)
        nearest = min((self.readings[0], self.readings[-1]), key=lambda each: abs(each.board_s - board_s))
        return _one_sided(nearest, board_s)


def clock_map(readings: Sequence[ClockReading]) -> ClockMap:
    """Raises `ValueError` for no readings, or readings that are not in order and apart on the controller's clock."""
    if not readings:
        raise ValueError("no reading of the board's clock")
    if any(b.controller_s <= a.controller_s for a, b in itertools.pairwise(readings)):
        raise ValueError("readings of the board's clock are out of order")
    return ClockMap(readings=tuple(readings))


def _one_sided(reading: ClockReading, board_s: float) -> Instant:
    away_s = board_s - reading.board_s
    return Instant(reading.controller_s + away_s, reading.uncertainty_s + UNKNOWN_DRIFT_PPM * 1e-6 * abs(away_s))


def _covering(instants: Sequence[Instant]) -> Instant:
    if len(instants) == 1:
        return instants[0]
    low_s = min(each.controller_s - each.uncertainty_s for each in instants)
    high_s = max(each.controller_s + each.uncertainty_s for each in instants)
    return Instant((low_s + high_s) / 2, (high_s - low_s) / 2)
