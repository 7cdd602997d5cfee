"""A row per quantity of an issue's table of figures: target, measured, spread, and whether it holds."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

OUT = Path(__file__).parent / "out"


@dataclass(frozen=True, kw_only=True)
class Row:
    quantity: str
    target: str
    measured: str
    spread: str  # how it varied, and over what
    holds: bool | None  # None: there is no target to hold, or nothing was measured; `remark` says which
    remark: str = ""  # the distance where it does not hold, and what limits it


def machine() -> str:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.machine(),
    )
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.1f}"


def publish(area: str, rows: Sequence[Row]) -> None:
    """Print the table and write the same as JSON."""
    table = Table("quantity", "target", "measured", "spread", "holds", "remark", title=f"{area}: {machine()}")
    for row in rows:
        holds = {True: "holds", False: "[red]falls short[/]", None: "–"}[row.holds]
        table.add_row(row.quantity, row.target, row.measured, row.spread, holds, row.remark)
    Console(width=170).print(table)
    OUT.mkdir(exist_ok=True)
    facts = {"area": area, "machine": machine(), "when_utc": datetime.now(UTC).isoformat(timespec="seconds")}
    text = json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1)
    (OUT / f"{area}.json").write_text(text + "\n")
