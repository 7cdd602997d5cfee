"""What a night found: which series shifted, and whether the code or the board is to blame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from harness.control import GROUP as CONTROL
from harness.nightly.detect import Alarm, scan
from harness.nightly.history import Table, as_table

Blame = Literal["the board changed, not the code", "the code changed", "the code and the board changed", "not known"]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One alarm, in words."""

    run_id: str  # the night in which it was seen, the second of the new level
    board: str
    cell: str
    metric: str
    shift: float  # share: 0.05 = five per cent more
    p: float
    blame: Blame
    why: str

    @property
    def sentence(self) -> str:
        return f"{self.board}, {self.cell}: {self.metric} {self.shift:+.1%}; {self.blame} ({self.why})"


def shifts(history: pd.DataFrame) -> list[Shift]:
    """Every alarm of the history, oldest first."""
    table = as_table(history)
    alarms = scan(table.values)
    return [_shift(alarm, alarms, table, history) for alarm in alarms]


def _shift(alarm: Alarm, alarms: list[Alarm], table: Table, history: pd.DataFrame) -> Shift:
    board, cell, metric = table.series[alarm.series]
    blame, why = _blame(alarm, alarms, table, history)
    return Shift(
        run_id=table.nights[alarm.night], board=board, cell=cell, metric=metric, shift=alarm.shift, p=alarm.p,
        blame=blame, why=why,
    )  # fmt: skip


def _blame(alarm: Alarm, alarms: list[Alarm], table: Table, history: pd.DataFrame) -> tuple[Blame, str]:
    """By rule, the surest sign first."""
    board, cell, metric = table.series[alarm.series]
    own = history[(history["board"] == board) & (history["cell"] == cell) & (history["metric"] == metric)]
    code = _changed(own, table, alarm.night, "code")
    state = _changed(own, table, alarm.night, "board_state")
    if code and state:
        return "the code and the board changed", "both differ from the last night of the old level"
    if code:
        return "the code changed", "the board's software and circumstances did not"
    if state:
        return "the board changed, not the code", "its software or circumstances differ"
    if cell.startswith(f"{CONTROL}:") or _control_shifted(alarm, alarms, table):
        return "the board changed, not the code", "its control workload shifted with the same code"
    if own["code"].isna().all():
        return "not known", "the nights do not say what code they ran"
    return "the board changed, not the code", "the code is the same to the byte"


def _changed(own: pd.DataFrame, table: Table, night: int, column: str) -> bool:
    """Whether a digest differs between the last night before the shift and the two nights after it."""
    told = own.set_index("run_id")[column].reindex(table.nights[: night + 1])
    before, after = told.iloc[: night - 1].dropna(), told.iloc[night - 1 :].dropna()
    return bool(len(before) and len(after) and (after != before.iloc[-1]).any())


def _control_shifted(alarm: Alarm, alarms: list[Alarm], table: Table) -> bool:
    board = table.series[alarm.series][0]
    tonight = (table.series[other.series] for other in alarms if other.night == alarm.night)
    return any(name == board and cell.startswith(f"{CONTROL}:") for name, cell, _ in tonight)


def text_of(run_id: str, found: list[Shift], *, most: int = 8) -> str:
    """A few lines for a chat or a mail: the night's own alarms."""
    own = [shift for shift in found if shift.run_id == run_id]
    if not own:
        return f"FedRack {run_id}: no change."
    head = f"FedRack {run_id}: {len(own)} change{'s' if len(own) > 1 else ''}."
    more = [f"- and {len(own) - most} more"] if len(own) > most else []
    return "\n".join([head, *(f"- {shift.sentence}" for shift in own[:most]), *more])
