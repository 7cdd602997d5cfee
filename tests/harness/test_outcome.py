"""Verdicts over what a worker left behind, as data."""

from __future__ import annotations

from typing import Any

import pytest

from harness.outcome import judge

IN_BACKWARD = {"event": "phase", "enter": "compute", "round": 2, "stage": "block3"}
END = {"event": "end"}


def exit_facts(**facts: Any) -> dict[str, Any]:
    whole = {"returncode": None, "signal": None, "oom_kills": 0, "budget_bytes": 440401920, "budget_kind": "cgroup_v1"}
    return {**whole, **facts}


@pytest.mark.parametrize(
    ("facts", "events", "name", "words"),
    [
        (exit_facts(returncode=0), [IN_BACKWARD, END], "completed", ""),
        (
            exit_facts(signal=9, oom_kills=1, cgroup_peak_bytes=440401920),
            [IN_BACKWARD],
            "out_of_memory",
            "did not fit: budget 420 MiB (cgroup_v1), charged 420 MiB at most, in compute of round 2, stage block3",
        ),
        (
            exit_facts(returncode=12, budget_kind="rlimit"),
            [IN_BACKWARD, {"event": "error", "text": "can't allocate memory: you tried to allocate 8388608 bytes"}],
            "out_of_memory",
            "budget 420 MiB (rlimit), in compute of round 2, stage block3: can't allocate memory: you tried",
        ),
        (exit_facts(signal=9), [IN_BACKWARD], "crashed", "signal 9, in compute of round 2, stage block3"),
        (exit_facts(signal=4), [], "illegal_instruction", "does not run on this board's CPU"),
        (exit_facts(signal=6), [IN_BACKWARD, END], "crashed", "signal 6"),
        (exit_facts(returncode=0), [IN_BACKWARD], "crashed", "exit code 0, in compute"),
        (exit_facts(returncode=1), [], "crashed", "exit code 1, before its first phase"),
        (None, [IN_BACKWARD], "lost", "left no verdict; in compute of round 2"),
        (None, [{"event": "start"}], "lost", "while importing"),
    ],
)
def test_outcomes(facts: dict[str, Any] | None, events: list[dict[str, Any]], name: str, words: str) -> None:
    outcome = judge(facts, events)
    assert outcome.name == name
    assert words in outcome.detail
    assert bool(outcome.detail) == (name != "completed")
