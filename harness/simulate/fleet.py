"""Simulated clients: names, board classes and memory budgets, drawn from one seed. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

MB = 10**6


def draw_clients(
    count: int, classes: Sequence[str], memory_mb: tuple[float, float] | None, seed: int, mb_bytes: float = MB
) -> dict[str, dict[str, Any]]:
    """Client -> facts for the FL core. Classes in turn; budgets uniform in `memory_mb`, as the papers draw them.

    One budget is drawn from each of `count` equal parts of the range, and dealt at random (OURS: else few clients would
    differ from seed to seed in how many of them are large). `mb_bytes`: what one of these MB is worth here.
    """
    chance = random.Random(seed)
    width = len(str(count - 1))
    budgets = _budgets(count, memory_mb, chance) if memory_mb else []
    clients: dict[str, dict[str, Any]] = {}
    for index in range(count):
        facts: dict[str, Any] = {"board_class": classes[index % len(classes)]} if classes else {}
        if budgets:
            facts["memory_budget_bytes"] = int(budgets[index] * mb_bytes)
        clients[f"client{index:0{width}}"] = facts
    return clients


def _budgets(count: int, memory_mb: tuple[float, float], chance: random.Random) -> list[float]:
    low, high = memory_mb
    dealt = [low + (high - low) * (part + chance.random()) / count for part in range(count)]
    chance.shuffle(dealt)
    return dealt
