"""Order, retries and quarantine as rules; the flaky board is a real one in test_bench_flaky.py."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.health import HealthBook
from harness.load import load_study
from harness.schedule import Health, failures, ordered
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


@pytest.mark.parametrize(
    ("tries", "state"),
    [
        ("", "well"), ("x", "well"), (".x", "well"), ("xx", "quarantined"), ("x.x", "quarantined"),
        ("x..x", "well"), (".xx", "quarantined"), ("xx.", "quarantined"),
    ],
)  # fmt: skip
def test_two_failures_in_three_tries_are_a_quarantine(tries: str, state: str) -> None:
    health = Health()
    for one in tries:
        health = health.after("lost" if one == "x" else "")
    assert health.state == state


def test_probation_ends_well_after_three_good_tries_and_at_once_after_a_bad_one() -> None:
    health = Health(state="quarantined").in_a_new_run()
    assert health.state == "probation" and health.after("lost").state == "quarantined"
    for state in ("probation", "probation", "well"):
        health = health.after("")
        assert health.state == state
    assert Health().after_health_check("no torch").state == "quarantined"
    assert Health().after_health_check("") == Health()


def test_only_infrastructure_is_held_against_a_board() -> None:
    ends = ("completed", "out_of_memory", "crashed", "stopped", "lost", "unreachable", "timed_out", "quarantined")
    verdict = {"boards": {name: {"outcome": name, "detail": "d"} for name in ends}}
    assert list(failures(verdict)) == ["lost", "unreachable", "timed_out"]


def test_health_outlives_a_run_and_others_keep_theirs(tmp_path: Path) -> None:
    book = HealthBook(tmp_path / "health.json", ["a", "b"])
    for _ in range(2):
        book.note("a", "lost")
    assert {name: health.state for name, health in book.boards.items()} == {"a": "quarantined", "b": "well"}
    other = HealthBook(tmp_path / "health.json", ["b"])
    other.note("b", "")
    again = HealthBook(tmp_path / "health.json", ["a", "b"])
    assert again.boards["a"].state == "probation" and again.boards["b"].tries == (False,)
