"""A study as data: which cells a report needs. A cell is the unit of everything. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One experiment: a method trains a model on data, on a set of boards. Sizes in bytes."""

    group: str  # the study's block it comes from: accuracy, memory, ...
    method: str
    options: Mapping[str, Any]  # the method's own parameters (cut, rounds per stage, ...)
    model: str
    dataset: str
    partition: Mapping[str, Any]  # {"kind": "iid"} or {"kind": "dirichlet", "alpha": 0.5}
    batch: int  # samples per local step
    rounds: int
    batches_per_round: int | None  # None = one pass over the client's data per local epoch
    local_epochs: int
    learning_rate: float
    momentum: float
    weight_decay: float
    seed: int
    threads: int  # of torch, on each board
    budget_bytes: int | None  # overrides the boards' own budget
    allocator: str  # fixed = every large tensor its own mapping; default = as glibc comes
    timeout_s: float
    repeat: int
    boards: tuple[str, ...]

    @property
    def cell_id(self) -> str:
        """Hash of the full specification: the same cell has the same id in every run."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """Short name for progress rows and tables."""
        return f"{self.group}/{self.method}/{self.model}/b{self.batch}"


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a report runs: `cells` for a given set of boards."""

    name: str
    title: str
    templates: tuple[Cell, ...]  # cells with `boards` still empty

    def cells(self, boards: tuple[str, ...]) -> tuple[Cell, ...]:
        """The study's cells, placed on these boards."""
        return tuple(replace(cell, boards=boards) for cell in self.templates)
