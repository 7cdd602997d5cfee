"""Order and blame as rules; the flaky board is a real one in test_bench_flaky.py."""

from __future__ import annotations

from dataclasses import replace

from harness.load import load_study
from harness.schedule import failures, ordered
from reports.registry import find

CELLS = [
    replace(cell, boards=("a",), repeat=repeat)
    for repeat in (1, 2, 3)
    for cell in load_study(find("quick").study).templates
]


def test_the_order_is_shuffled_interleaved_and_repeats() -> None:
    order = ordered(CELLS, "run-1")
    assert sorted(cell.cell_id for cell in order) == sorted(cell.cell_id for cell in CELLS)
    assert order == ordered(list(CELLS), "run-1") and order != ordered(CELLS, "run-2")
    memory = [cell for cell in order if cell.group == "memory"]
    assert [cell.repeat for cell in memory] == [1] * 4 + [2] * 4 + [3] * 4
    assert len({tuple(cell.method for cell in memory[at : at + 4]) for at in (0, 4, 8)}) > 1
    assert [cell.group for cell in order] == ["accuracy"] * 12 + ["memory"] * 12 + ["budget"] * 12


def test_only_infrastructure_is_held_against_a_board() -> None:
    ends = ("completed", "out_of_memory", "crashed", "stopped", "lost", "unreachable", "timed_out", "quarantined")
    verdict = {"boards": {name: {"outcome": name, "detail": "d"} for name in ends}}
    assert list(failures(verdict)) == ["lost", "unreachable", "timed_out"]
