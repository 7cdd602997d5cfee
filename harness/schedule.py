"""In which order cells run, and which ends of a try are held against a board: pure rules."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from harness.study import Cell

TRIES = 3  # of a cell
INFRASTRUCTURE = (
    "broken",
    "lost",
    "timed_out",
    "unreachable",
)  # neither cell nor method is to blame


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
