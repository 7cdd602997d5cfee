"""The meters beside the boards of a rack, polled by the controller while a cell runs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness.inventory import BoardSpec
from harness.meters import Meter, MeterFault, Reading, meter
from harness.meters.csv_file import CsvFile
from harness.meters.logged import Polls, placed_rows
from harness.meters.poll import Poller
from harness.store import read_lines

TOLD_FAULTS = 5  # of a logger's file, by line


def file_of(raw: Path, number: int) -> Path:
    """Where the readings of a board's n-th meter go."""
    return raw / f"meter{number}.jsonl"


@contextmanager
def metering(boards: Iterable[BoardSpec], raw: Path) -> Iterator[None]:
    """Readings go to <raw>/<board>/meter<n>.jsonl, on the controller's clock. Raises OSError for a full disk."""
    logged: list[tuple[CsvFile, Path]] = []
    with ExitStack() as stack:
        for board in boards:
            for number, text in enumerate(board.observation.meters):
                out = file_of(raw / board.name, number)
                out.parent.mkdir(parents=True, exist_ok=True)
                source: Meter = meter(text)
                stack.enter_context(Poller(source, out, source=f"meter{number}"))
                if isinstance(source, CsvFile):
                    logged.append((source, out))
        yield
    for source, out in logged:
        _take_all_rows(source, out)


def _take_all_rows(source: CsvFile, out: Path) -> None:
    """A logger writes faster than it is polled: its rows replace the polls they were polled from.

    On a full disk the polls stay as they are.
    """
    rows, faults = _rows(source)
    records = list(read_lines(out))
    about: dict[str, Any] = next((each["about"] for each in records if isinstance(each.get("about"), dict)), {})
    prefix = f"{out.stem}/{source.scope}"
    polls = [each for each in records if f"{prefix}/own_time_s" in each.get("sensors", {})]
    told = Polls(tuple(each["t_s"] for each in polls), tuple(each["sensors"][f"{prefix}/own_time_s"] for each in polls))
    placed = placed_rows(rows, told)
    lines: list[dict[str, Any]] = [
        {"about": {**about, "source": out.stem, "scope": source.scope, "clock_offsets_s": placed.offsets_s}},
        *(each for each in records if "fault" in each),
        *({"fault": {"source": prefix, "what": what}} for what in (*faults, *placed.faults)),
        *(polls[number] for number in placed.unmet),
    ]
    for t_s, row in placed.rows:
        lines.append({"t_s": t_s, "sensors": {f"{prefix}/{name}": value for name, value in row.sensors().items()}})
    lines.sort(key=lambda line: line.get("t_s", -math.inf) if "sensors" in line else -math.inf)
    whole = out.with_suffix(".tmp")
    try:
        whole.write_text("".join(json.dumps(line) + "\n" for line in lines))
        whole.replace(out)
    except OSError:
        whole.unlink(missing_ok=True)


def _rows(source: CsvFile) -> tuple[list[Reading], list[str]]:
    """All rows of a logger's file, and what is wrong with the others."""
    rows, faults = [], []
    try:
        for row in source.rows():
            if isinstance(row, Reading):
                rows.append(row)
            else:
                faults.append(row.message)
    except MeterFault as fault:
        faults.append(fault.message)
    if len(faults) > TOLD_FAULTS:
        faults[TOLD_FAULTS:] = [f"and {len(faults) - TOLD_FAULTS} more bad rows"]
    return rows, faults
