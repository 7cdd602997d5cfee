"""The freeze family's figures: memory by stage against full training, ProFL's own accounting, and the small study."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from benchmarks.freeze.memory import memory_rows
from benchmarks.freeze.published import accounting_rows
from benchmarks.freeze.study import study_rows
from benchmarks.table import Row

PARTS: dict[str, Callable[[], Iterable[Row]]] = {
    "accounting": accounting_rows,
    "study": study_rows,
    "memory": memory_rows,
}


def rows() -> Iterator[Row]:
    for measured in PARTS.values():
        yield from measured()
