"""In which order cells run, when one is tried again, and which boards may take part: pure rules."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from harness.study import Cell

TRIES = 3  # of a cell
LOOK_BACK = 3  # tries of a board
FAILURES = 2  # of those that quarantine it
PROBATION = 3  # tries without a failure that end a probation
INFRASTRUCTURE = (
    "broken",
    "lost",
    "timed_out",
    "unreachable",
)  # neither cell nor method is to blame

State = Literal["well", "probation", "quarantined"]


def ordered(cells: Sequence[Cell], seed: str) -> list[Cell]:
    """Group by group; in it repeat by repeat, the methods of each repeat shuffled.

    What is compared so meets the same heat and the same neighbours. The same seed gives the same order: a resumed run
    goes on as it began.
    """
    chance = random.Random(seed)
    order: list[Cell] = []
    for group in dict.fromkeys(cell.group for cell in cells):
        own = [cell for cell in cells if cell.group == group]
        for repeat in sorted({cell.repeat for cell in own}):
            block = [cell for cell in own if cell.repeat == repeat]
            chance.shuffle(block)
            order += block
    return order


def failures(verdict: Mapping[str, Any]) -> dict[str, str]:
    """Boards on which a cell failed for no reason of its own -> what happened."""
    return {
        name: f"{board['outcome']}: {board['detail']}"
        for name, board in verdict["boards"].items()
        if board["outcome"] in INFRASTRUCTURE
    }


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is remembered of one board from run to run."""

    state: State = "well"
    tries: tuple[bool, ...] = ()  # the latest ones; True: failed
    reason: str = ""  # of the quarantine

    def after(self, failure: str) -> Health:
        """Once a try has ended; an empty `failure` is a good one."""
        tries = (*self.tries, bool(failure))[-LOOK_BACK:]
        if self.state == "probation":
            if failure:
                return Health(state="quarantined", reason=f"failed on probation: {failure}")
            done = len(tries) >= PROBATION
            return Health(tries=() if done else tries, state="well" if done else "probation")
        if self.state == "well" and sum(tries) >= FAILURES:
            reason = f"{sum(tries)} failures in {len(tries)} tries, the last: {failure or 'earlier'}"
            return Health(state="quarantined", reason=reason)
        return replace(self, tries=tries)

    def after_health_check(self, failure: str) -> Health:
        """One failed health check is enough."""
        return Health(state="quarantined", reason=f"health check: {failure}") if failure else self

    def in_a_new_run(self) -> Health:
        """A new run is a new chance, on probation."""
        return Health(state="probation") if self.state == "quarantined" else self
