"""The corpus: each file under oom_corpus/ is one end of a worker, with its source, and what must be made of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.oom import SIGNATURES, Evidence, classify
from harness.outcome import judge

CASES = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "oom_corpus").glob("*.json"))
}
TRACE = [{"event": "phase", "enter": "compute", "round": 1, "stage": "block3"}]


def judged(case: dict[str, Any]) -> Any:
    events = TRACE + ([{"event": "error", **case["error"]}] if "error" in case else [])
    return judge(case["exit"], events, "\n".join(case["log_tail"]), killed_by_us=case.get("killed_by_us", False))


@pytest.mark.parametrize("name", CASES)
def test_every_case_of_the_corpus(name: str) -> None:
    outcome, expected = judged(CASES[name]), CASES[name]["expected"]
    assert (outcome.name, outcome.signature) == (expected["outcome"], expected["signature"]), outcome.detail
    assert "in compute of round 1, stage block3" in outcome.detail and f"[{expected['signature']}]" in outcome.detail


def test_the_corpus_is_wide_enough() -> None:
    expected = [(name, case["expected"]["outcome"], case["expected"]["signature"]) for name, case in CASES.items()]
    memory = {signature for _, outcome, signature in expected if outcome == "out_of_memory"}
    assert memory == {row.name for row in SIGNATURES if row.outcome == "out_of_memory"}, "each signature has a case"
    assert len(memory) >= 12
    assert sum(outcome != "out_of_memory" for _, outcome, _ in expected) >= 12
    assert all(name.startswith("oom_") == (outcome == "out_of_memory") for name, outcome, _ in expected)
    assert all(case["source"] for case in CASES.values())


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("oom_") and CASES[name]["log_tail"]])
def test_a_text_about_memory_alone_decides_nothing(name: str) -> None:
    """The same log, quoted by a program that then fails for another reason, or ended well."""
    case = CASES[name]
    quoted = [f"replay: {line}" for line in case["log_tail"]]
    log = "\n".join([*quoted, "Traceback (most recent call last):", "  ...", "ValueError: bad replay file"])
    cause = classify(Evidence(returncode=1, log_tail=log))
    assert (cause.out_of_memory, cause.signature.name) == (False, "python_error")
    well = judge({"returncode": 0}, [*TRACE, {"event": "end"}], "\n".join(case["log_tail"]))
    assert well.name == "completed"


def test_signatures_are_sound_data() -> None:
    for row in SIGNATURES:
        assert row.outcome in ("out_of_memory", "illegal_instruction", "crashed"), row.name
        assert row.where in ("exception", "output", "kernel", "exit"), row.name
        assert row.remark and row.source, row.name
        assert bool(row.pattern) == (row.where != "exit"), row.name
        re.compile(row.pattern)


@pytest.mark.parametrize("log", ["", "\n\n", "Traceback (most recent call last):", "Error", "\x00\xff", "x" * 100_000])
def test_any_log_is_judged(log: str) -> None:
    for facts in ({}, {"signal": 9}, {"returncode": 12}, {"signal": 64}, {"returncode": 255}, {"signal": 999}):
        assert judge({**facts, "oom_kills": None}, [], log).name in ("crashed", "out_of_memory")
