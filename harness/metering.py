"""The meters beside the boards of a rack, polled by the controller while a cell runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness.inventory import BoardSpec
from harness.meters import Meter, MeterFault, meter
from harness.meters.csv_file import CsvFile
from harness.meters.poll import Poller
from harness.store import read_lines


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
    """A logger writes faster than it is polled: its rows replace the polls, whose times tell the offset of its clock.

    A row is polled no earlier than it was written, and so the smallest difference is nearest to the truth; the next
    poll could have come one period later, which is the uncertainty.
    """
    records = list(read_lines(out))
    key = f"meter{out.stem.removeprefix('meter')}/{source.scope}"
    polls = [(each["t_s"], each["sensors"][f"{key}/own_time_s"]) for each in records if "sensors" in each]
    if not polls:
        return
    offset_s = min(t_s - own_s for t_s, own_s in polls)
    first_s, last_s = polls[0][0], polls[-1][0]
    about = {**records[0]["about"], "clock_offset_s": round(offset_s, 6)}
    lines: list[dict[str, Any]] = [{"about": about}, *(each for each in records if "fault" in each)]
    try:
        for row in source.rows():
            t_s = round((row.own_time_s or 0.0) + offset_s, 6)
            if first_s <= t_s <= last_s:
                sensors = {f"{key}/{name}": value for name, value in row.sensors().items()}
                lines.append({"t_s": t_s, "sensors": sensors})
    except MeterFault as fault:
        lines.append({"t_s": last_s, "fault": {"source": key, "what": fault.message}})
    out.write_text("".join(json.dumps(line) + "\n" for line in lines))
