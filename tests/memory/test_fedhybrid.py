"""FedHybrid as a whole: who takes part under which budget, by which plan, and what is said where nobody can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.memory import budget
from fl_core.memory.predict import HeadroomPredictor
from fl_core.memory.profile import Profile
from fl_core.pooled import HerePool, PooledServer
from harness.datasets import find

MIB = 2**20
DATA = str(find("digits").folder)
BUDGETS_MB = {"roomy": 64.0, "tight": 1.55, "tiny": 0.5}  # plain training takes 1.66, the smallest plan 1.44


def play(method: str, budgets_mb: dict[str, float] = BUDGETS_MB, **options: Any) -> PooledServer:
    facts = {name: {"memory_budget_bytes": int(size * MIB)} for name, size in budgets_mb.items()}
    job = Job(
        method, "cnn", "digits", {"kind": "iid"}, list(facts), 32, 2, 0.05, 7,
        options=options, momentum=0.9, batches_per_round=3, client_facts=facts,
    )  # fmt: skip
    server = PooledServer(job, DATA, HerePool(job, DATA), lambda event: None)
    server.run_rounds()
    return server


def took_part(server: PooledServer) -> list[str]:
    return [name for name, facts in server.facts.items() if facts.rounds]


def test_a_plan_lets_boards_take_part_that_cannot_train_plainly() -> None:
    assert took_part(play("fedprox", selection="oort")) == ["roomy"]
    server = play("fedhybrid")
    assert took_part(server) == ["roomy", "tight"]
    last = server.facts["tight"].last
    assert last is not None and last.facts["mean_square_loss"] > 0
    assert last.facts["budget_bytes"] == int(BUDGETS_MB["tight"] * MIB)


def test_nobody_holds_the_smallest_plan() -> None:
    with pytest.raises(BadJob, match=r"largest budget is 0\.5 MiB: give a board that much, or take smaller batches"):
        play("fedhybrid", {"tiny": 0.5})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ways": ["keep", "melt"]}, "melt"),
        ({"ways": ["recompute"]}, "one beside recompute"),
        ({"ways": ["keep", "compress"]}, "optimum needs recompute"),
        ({"ways": ["recompute", "keep"], "rule": "greedy"}, "greedy must begin with another"),
        ({"rule": "best"}, "rule 'best'"),
        ({"ways": ["compress"], "rule": "greedy", "share": 0.5}, "needs 'keep' among the ways"),
    ],
)
def test_ways_and_rules_that_cannot_work_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadJob, match=words):
        play("fedhybrid", **options)


def test_a_fall_is_believed_at_once_and_a_rise_slowly() -> None:
    predictor = HeadroomPredictor()
    assert [predictor.after(reading) for reading in (1000, 400, 1000, 1000, 300)] == [1000, 400, 460, 514, 300]


def test_a_board_that_lies_about_its_memory_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemAvailable: 1000 kB\n")
    profile = Profile(static_bytes=5000, units=())
    lied = budget.capped(10**9, budget.predicted(str(tmp_path)))
    assert lied.of(profile) == 5000 + int(1000 * 1024 * (1 - budget.RESERVE))
    assert budget.capped(2000, budget.predicted(str(tmp_path))).of(profile) == 2000
    assert budget.capped(2000, budget.predicted(str(tmp_path / "nowhere"))).of(profile) == 2000
