"""The rows of a logger's file on the clock of those who polled it while it was written. Pure.

A poll reads the newest row, no earlier than that was written: of a stretch of rows the smallest difference between the
two clocks is nearest to the truth, and wrong by one row's age at most. A logger that was restarted begins its own time
anew, and so has a difference of its own from there on.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.meters.base import Reading


@dataclass(frozen=True)
class Polls:
    """When the newest row was asked for, and the logger's own time in it."""

    t_s: Sequence[float]
    own_s: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Placed:
    rows: Sequence[tuple[float, Reading]]  # t_s on the polls' clock, from the first poll to the last
    offsets_s: Sequence[float]  # of each stretch that was polled: the polls' clock less the logger's
    unmet: Sequence[int]  # polls whose row is no longer in the file
    faults: Sequence[str]


def placed_rows(rows: Sequence[Reading], polls: Polls) -> Placed:
    """What of the rows falls into the time of the polls."""
    if not polls.t_s:
        return Placed(rows=(), offsets_s=(), unmet=(), faults=())
    if len(set(polls.own_s)) == 1:
        what = "no row came while the cell ran: a file that was written before has no place on its clock"
        return Placed(rows=(), offsets_s=(), unmet=(), faults=(what,))
    own_s = [row.own_time_s or 0.0 for row in rows]
    met = list(_met(own_s, polls.own_s))
    placed: list[tuple[float, Reading]] = []
    offsets_s, faults = [], []
    for first, end in _stretches(own_s):
        apart_s = [
            polls.t_s[number] - polls.own_s[number]
            for number, place in enumerate(met)
            if place is not None and first <= place < end
        ]
        if not apart_s:
            faults.append(f"{end - first} rows that no poll met have no place on the cell's clock")
            continue
        offsets_s.append(round(min(apart_s), 6))
        placed += [(round(own_s[place] + min(apart_s), 6), rows[place]) for place in range(first, end)]
    return Placed(
        rows=[each for each in placed if polls.t_s[0] <= each[0] <= polls.t_s[-1]],
        offsets_s=offsets_s,
        unmet=[number for number, place in enumerate(met) if place is None],
        faults=faults,
    )


def _met(own_s: Sequence[float], polled_s: Sequence[float]) -> Iterator[int | None]:
    """Of each poll the row that it read: the first of that own time since the last poll's."""
    places: dict[float, list[int]] = defaultdict(list)
    for place, moment_s in enumerate(own_s):
        places[moment_s].append(place)
    last = 0
    for moment_s in polled_s:
        among = places[moment_s]
        at = bisect.bisect_left(among, last)
        if at < len(among):
            last = among[at]
            yield last
        else:
            yield None


def _stretches(own_s: Sequence[float]) -> Iterator[tuple[int, int]]:
    """From a restart of the logger to the next, as places of rows."""
    cuts = [place for place, (before_s, after_s) in enumerate(pairwise(own_s), 1) if after_s < before_s]
    yield from pairwise([0, *cuts, len(own_s)])
