"""The observer's account, from what it wrote beside its samples: CPU time, ticks, lateness."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from reports.statistics import Estimate, estimate

LATE_QUANTILE = 0.99


class Account(NamedTuple):
    """One board, all its cells. Shares are of one core and of the ticks that were due."""

    board: str
    virtual: str | None
    cells: int
    rate_hz: float | None  # samples over the time they span, median over cells
    cpu_share: Estimate | None  # CPU seconds of the agent per second of the cell
    late_s: float | None  # 99th percentile of the lateness of a tick
    present: float | None  # ticks taken, of those due


def accounts(samples: pd.DataFrame, cells: pd.DataFrame) -> list[Account]:
    """One per board that has samples."""
    return [_account(board, own, cells[cells["board"] == board]) for board, own in samples.groupby("board", sort=False)]


def _account(board: object, samples: pd.DataFrame, cells: pd.DataFrame) -> Account:
    by_cell = samples.groupby("cell_id", sort=False)
    spans = by_cell["t_s"].max() - by_cell["t_s"].min()
    spent = by_cell["cpu_agent_s"].max() - by_cell["cpu_agent_s"].min()
    shares = (spent / spans.where(spans > 0)).dropna()
    rates = ((by_cell.size() - 1) / spans.where(spans > 0)).dropna()
    late = samples["late_s"].dropna()
    missed, virtual = cells["missed_ticks"].sum(min_count=1), cells["virtual"].dropna()
    return Account(
        board=str(board),
        virtual=str(virtual.iloc[0]) if len(virtual) else None,
        cells=len(spans),
        rate_hz=float(rates.median()) if len(rates) else None,
        cpu_share=estimate([float(value) for value in shares]),
        late_s=float(late.quantile(LATE_QUANTILE)) if len(late) else None,
        present=None if pd.isna(missed) else len(samples) / (len(samples) + float(missed)),
    )
