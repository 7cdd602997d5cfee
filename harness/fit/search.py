"""The largest batch that fits, by bisection, for several boards that answer the same questions. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

GRAIN = 0.05  # OURS: how near the two sides must come, as a share of the batch


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """What is known of one board and method: the largest batch that fitted, the smallest that did not."""

    guess: int  # what is tried first
    least: int  # the smallest batch that is of use
    most: int  # the largest that there is data for
    fits: int | None = None
    fails: int | None = None

    def told(self, batch: int, fits: bool) -> Bracket:
        """After one more answer."""
        if fits:
            return replace(self, fits=max(batch, self.fits or batch))
        return replace(self, fails=min(batch, self.fails or batch))

    @property
    def settled(self) -> bool:
        if self.fails is None:
            return self.fits is not None and self.fits >= self.most
        if self.fits is None:
            return self.fails <= self.least
        return self.fails - self.fits <= max(1, int(GRAIN * self.fails))

    @property
    def next_batch(self) -> int:
        """What to try next: the guess, then ever further from it on one side, then the middle of both."""
        if self.fits is None and self.fails is None:
            batch = self.guess
        elif self.fits is not None and self.fails is not None:
            batch = (self.fits + self.fails) // 2
        else:
            edge = self.fits if self.fails is None else self.fails
            assert edge is not None
            stride = max(1, int(GRAIN * self.guess), 2 * abs(edge - self.guess))
            batch = edge + stride if self.fails is None else edge - stride
        return max(self.least, min(self.most, batch))


def next_batch(brackets: Iterable[Bracket]) -> int | None:
    """The first unsettled board's question; None where all are settled."""
    return next((bracket.next_batch for bracket in brackets if not bracket.settled), None)
