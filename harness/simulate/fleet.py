"""Simulated clients: names, board classes and memory budgets, drawn from one seed. No I/O."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

MB = 10**6


def draw_clients(
    count: int, classes: Sequence[str], memory_mb: tuple[float, float] | None, seed: int
) -> dict[str, dict[str, Any]]:
    """Client -> facts for the FL core. Classes in turn; budgets uniform in `memory_mb`, as the papers draw them."""
    chance = random.Random(seed)
    width = len(str(count - 1))
    clients: dict[str, dict[str, Any]] = {}
    for index in range(count):
        facts: dict[str, Any] = {"board_class": classes[index % len(classes)]} if classes else {}
        if memory_mb is not None:
            facts["memory_budget_bytes"] = int(chance.uniform(*memory_mb) * MB)
        clients[f"client{index:0{width}}"] = facts
    return clients
