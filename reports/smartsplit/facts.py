"""What the sections start from: the cells, and of the group of cuts where each was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from reports.compare import BASELINE
from reports.quick.facts import Facts

CUTS, BUDGET, TRACE = "memory", "budget", "trace"


@dataclass(frozen=True, kw_only=True)
class CutRow:
    """One way to cut the model on one board, a median round. `cut`: 0 for training everything here."""

    board: str
    method: str
    label: str
    virtual: bool
    cut: int  # units on the device
    micro_batches: int
    tensor_bytes: float | None
    above_bytes: float | None
    compute_s: float
    exchange_s: float  # over the run's own wire, edge server included
    exchange_bytes: float
    model_bytes: float  # both ways

    @property
    def way(self) -> str:
        """`split`, or `smartsplit, 16 micro-batches`."""
        return self.method if self.micro_batches == 1 else f"{self.method}, {self.micro_batches} micro-batches"


def cut_rows(facts: Facts) -> list[CutRow]:
    """Of all boards, in the order of the study."""
    own = facts.rows[(facts.rows["group"] == CUTS) & facts.rows["compute_s"].notna()]
    return [_cut_row(row) for _, row in own.iterrows()]


def by_board(rows: list[CutRow]) -> Mapping[str, list[CutRow]]:
    boards: dict[str, list[CutRow]] = {}
    for row in rows:
        boards.setdefault(row.board, []).append(row)
    return boards


def local(rows: list[CutRow]) -> CutRow | None:
    """Full training on the board."""
    return next((row for row in rows if row.method == BASELINE), None)


def _cut_row(row: pd.Series) -> CutRow:
    options = json.loads(row["options"])
    return CutRow(
        board=row["board"],
        method=row["method"],
        label=row["label"],
        virtual=not pd.isna(row["virtual"]),
        cut=int(str(options.get("cut", "block0")).removeprefix("block")),
        micro_batches=int(options.get("micro_batches", 1)),
        tensor_bytes=_float(row["tensor_bytes"]),
        above_bytes=_float(row["above_bytes"]),
        compute_s=float(row["compute_s"]),
        exchange_s=_float(row["exchange_s"]) or 0.0,
        exchange_bytes=_float(row["exchange_bytes"]) or 0.0,
        model_bytes=(_float(row["download_bytes"]) or 0.0) + (_float(row["upload_bytes"]) or 0.0),
    )


def _float(value: object) -> float | None:
    return None if pd.isna(value) else float(value)  # type: ignore[arg-type,call-overload]
