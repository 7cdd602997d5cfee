"""The freeze family's figures: memory by stage against full training, ProFL's own accounting, and the small study."""

from __future__ import annotations

from benchmarks.freeze.memory import memory_rows
from benchmarks.freeze.published import accounting_rows
from benchmarks.freeze.study import study_rows
from benchmarks.table import Row


def rows() -> list[Row]:
    return [*accounting_rows(), *study_rows(), *memory_rows()]
