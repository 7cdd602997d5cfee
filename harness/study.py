"""A study as data: which cells a report needs. A cell is the unit of everything. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Simulated clients, for cells that run without boards."""

    clients: int = 100
    cohort: int | None = None  # clients whose reports a round needs; None: all
    samples: int | None = None  # training samples per client; None: the data set shared out
    test_samples: int | None = None  # None: the whole test split
    memory_mb: tuple[float, float] | None = None  # each client's memory is drawn uniformly from this range
    full_mb: float | None = None  # what training the whole model takes in those MB; None: MB are bytes, unscaled
    speeds: Mapping[str, Mapping[str, float]] | None = None  # by board class (`fl_core.virtual_time`)
    peaks: bool = False  # measure each stage's tensor peak


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
    fleet: Fleet | None = None  # who trains where there are no boards (`fedrack simulate`)

    @property
    def cell_id(self) -> str:
        """Hash of the full specification: the same cell has the same id in every run."""
        specification = asdict(self)
        if self.fleet is None:
            del specification["fleet"]  # cells of boards keep the ids that they had before there were fleets
        text = json.dumps(specification, sort_keys=True, separators=(",", ":"))
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
