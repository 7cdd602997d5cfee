"""Under what circumstances a cell ran, as rows, and as the one mark by which cells may be averaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.circumstances import FIGURES, UNREADABLE, Circumstances, as_json, from_json, objections
from harness.frame.readings import Row

_BY_BOARD = "board"


def circumstance_rows(key: Row, facts: Mapping[str, Any] | None) -> Iterator[Row]:
    """One row per circumstance; none where the board was gone before it could say."""
    for name, value in (facts or {}).items():
        if name != _BY_BOARD:
            yield {**key, "name": name, "value": _words(value)}


def mark(key: Row, facts: Mapping[str, Any] | None) -> Row:
    """`circumstances_id` and `objections` of a cell."""
    if facts is None:
        return {}
    known = from_json(facts)
    return {"circumstances_id": _id(known, key["cell_id"]), "objections": "; ".join(objections(known)) or None}


def _id(known: Circumstances, cell_id: str) -> str:
    """Equal for cells that may be averaged; what would not be read agrees with nothing but its own cell."""
    values = {name: value for name, value in as_json(known).items() if name not in {_BY_BOARD, *FIGURES}}
    alone = [cell_id] if UNREADABLE in values.values() else []
    return hashlib.sha256(json.dumps([values, *alone], sort_keys=True).encode()).hexdigest()[:12]


def _words(value: Any) -> str | None:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return None if value is None else str(value)
