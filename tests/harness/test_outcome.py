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


TORCH_ERROR = {"event": "error", "kind": "RuntimeError", "text": "CUDA error: out of memory"}
NO_SPACE = "Traceback (most recent call last):\n  ...\nOSError: [Errno 28] No space left on device: 'events.jsonl'"


@pytest.mark.parametrize(
    ("facts", "events", "more", "name", "signature", "words"),
    [
        (
            exit_facts(returncode=1),
            [IN_BACKWARD, TORCH_ERROR],
            {"last_rss_bytes": 367001600},
            "out_of_memory",
            "cuda_runtime_oom",
            "350 MiB resident when last seen, in compute of round 2, stage block3: CUDA error: out of memory "
            "[cuda_runtime_oom]",
        ),
        (
            exit_facts(returncode=1),
            [IN_BACKWARD],
            {"log_tail": NO_SPACE},
            "crashed",
            "disk_full",
            "stage block3: OSError: [Errno 28] No space left on device: 'events.jsonl' [disk_full]",
        ),
        (
            exit_facts(signal=9),
            [IN_BACKWARD],
            {"killed_by_us": True},
            "stopped",
            "stopped_by_us",
            "signal 9, in compute of round 2, stage block3: ended by the harness [stopped_by_us]",
        ),
        (
            exit_facts(signal=9, oom_kills=1),
            [],
            {"killed_by_us": True},
            "out_of_memory",
            "cgroup_oom_kill",
            "did not fit",
        ),
        (exit_facts(signal=9), [], {}, "crashed", "killed_from_outside", "nothing speaks of memory"),
        (
            exit_facts(signal=9, oom_kills=None, kernel_log=["Out of memory: Killed process 7 (python3) total-vm:1kB"]),
            [],
            {},
            "out_of_memory",
            "kernel_board_kill",
            "Killed process 7 (python3)",
        ),
        (exit_facts(returncode=0), [END], {"log_tail": "MemoryError"}, "completed", "", ""),
    ],
)
def test_all_that_is_known_is_used(
    facts: dict[str, Any], events: list[dict[str, Any]], more: dict[str, Any], name: str, signature: str, words: str
) -> None:
    outcome = judge(facts, events, **more)
    assert (outcome.name, outcome.signature) == (name, signature)
    assert words in outcome.detail
