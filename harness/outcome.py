"""What became of a worker, from the files it left: a pure verdict. Out of memory is a result, not an error."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.units import show_bytes

WORKER_OUT_OF_MEMORY = 12  # fl_core.worker's exit code when an allocation was refused
SIGILL = int(signal.SIGILL)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    name: str  # completed, out_of_memory, illegal_instruction, crashed, ...
    detail: str  # one sentence; empty when completed


COMPLETED = Outcome(name="completed", detail="")


def judge(exit_facts: Mapping[str, Any] | None, events: Iterable[Mapping[str, Any]]) -> Outcome:
    """The outcome of one worker.

    `exit_facts` is the agent's exit.json (None: the agent left none), `events` the worker's own trace.
    """
    trace = list(events)
    if exit_facts is None:
        return Outcome(name="lost", detail=f"the board's agent left no verdict; {_where(trace)}")
    code, signal_number = exit_facts.get("returncode"), exit_facts.get("signal")
    if code == 0 and any(event.get("event") == "end" for event in trace):
        return COMPLETED
    if exit_facts.get("oom_kills") or code == WORKER_OUT_OF_MEMORY:
        return Outcome(name="out_of_memory", detail=_memory_sentence(exit_facts, trace))
    if signal_number == SIGILL:
        return Outcome(name="illegal_instruction", detail="this torch does not run on this board's CPU")
    end = f"signal {signal_number}" if signal_number else f"exit code {code}"
    text = _error_text(trace)
    return Outcome(name="crashed", detail=f"{end}, {_where(trace)}{': ' + text if text else ''}")


def _memory_sentence(exit_facts: Mapping[str, Any], trace: list[Mapping[str, Any]]) -> str:
    budget = exit_facts.get("budget_bytes")
    peak = exit_facts.get("cgroup_peak_bytes")
    parts = [f"did not fit: budget {show_bytes(budget)} ({exit_facts.get('budget_kind', 'unknown')})"]
    if peak:
        parts.append(f"charged {show_bytes(peak)} at most")
    parts.append(_where(trace))
    text = _error_text(trace)
    return ", ".join(parts) + (f": {text}" if text else "")


def _where(trace: list[Mapping[str, Any]]) -> str:
    """The phase the worker was in, from its last `enter`."""
    last = next((event for event in reversed(trace) if event.get("event") == "phase"), None)
    if last is None:
        return "before its first phase" if not trace else "while importing"
    where = f"in {last['enter']}"
    if last.get("round") is not None:
        where += f" of round {last['round']}"
    stage = last.get("stage")
    return where + (f", stage {stage}" if stage and stage != "all" else "")


def _error_text(trace: list[Mapping[str, Any]]) -> str:
    error = next((event for event in reversed(trace) if event.get("event") == "error"), None)
    return str(error.get("text", ""))[:200].split("\n")[0] if error else ""
