"""What every manifest says of the controller and of its cells, whether boards or simulated clients ran them."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import Any

from harness import __version__
from harness.study import Cell


def controller_facts() -> dict[str, Any]:
    return {
        "fedrack": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.platform(),
        "cpu_count": os.cpu_count(),
    }


def cell_facts(cell: Cell, verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    names = ("group", "method", "model", "dataset", "label", "options")
    facts = {name: getattr(cell, name) for name in names}
    state = verdict["state"] if verdict else "not_run"
    return {"cell_id": cell.cell_id, **facts, "state": state, "reason": verdict["reason"] if verdict else ""}
