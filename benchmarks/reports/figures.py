"""The figures of reports and nights. The kill-point sweep has a target of its own: make test-slow."""

from __future__ import annotations

from benchmarks.reports import nightly, report
from benchmarks.table import Row


def rows() -> list[Row]:
    return [*report.rows(), *nightly.rows()]
