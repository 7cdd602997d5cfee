"""Which board may stand in for one that is out: pure rules.

A twin has the class, the image, the budget and the settings of the other; its software is compared once it answers.
It takes the other's place in the federation, data included, and its numbers stand under its own name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.inventory import BoardSpec

ALIKE = ("board_class", "virtual", "image", "memory_budget_bytes", "wanted", "link", "reverse_tunnel")
WATCHED_ALIKE = ("rate_hz", "burst_hz", "sidecars", "idle_s", "cool_down_s")


class StandIn(NamedTuple):
    """Whose place a board has taken."""

    client: str  # the name of that place in the federation: the board that had it at first
    why: str


def twins(spec: BoardSpec, spares: Iterable[BoardSpec]) -> list[BoardSpec]:
    """Those of `spares` that the inventory describes like `spec`, in their order."""
    return [spare for spare in spares if spare.name != spec.name and _described(spare) == _described(spec)]


def _described(spec: BoardSpec) -> tuple[Any, ...]:
    """Meters have an address each: what counts is whether there is one."""
    watched = spec.observation
    own = [getattr(spec, name) for name in ALIKE]
    return (*own, *(getattr(watched, name) for name in WATCHED_ALIKE), bool(watched.meters))
