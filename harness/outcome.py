"""What became of a worker, from the files it left: a pure verdict. Out of memory is a result, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.oom import Cause, Evidence, classify
from harness.units import show_bytes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    name: str  # completed, out_of_memory, illegal_instruction, stopped, crashed, lost
    detail: str  # one sentence; empty when completed
    signature: str = ""  # of harness.oom.SIGNATURES: what decided; empty when completed or lost


MEASURED = frozenset({"completed", "out_of_memory", "illegal_instruction"})  # results; all else is to be done again
_NAMES = {"stopped_by_us": "stopped"}  # an outcome that is no fault of the worker
COMPLETED = Outcome(name="completed", detail="")


def judge(
    exit_facts: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any]],
    log_tail: str = "",
    killed_by_us: bool = False,
    last_rss_bytes: int | None = None,
) -> Outcome:
    """The outcome of one worker.

    `exit_facts` is the agent's exit.json (None: the agent left none), `events` the worker's own trace, `log_tail` the
    end of worker.log, `killed_by_us` whether the worker still ran when the harness ended it, `last_rss_bytes` the last
    sample of its resident bytes. A `kernel_log` among the exit facts (lines of its lifetime) is used.
    """
    trace = list(events)
    if exit_facts is None:
        return Outcome(name="lost", detail=f"the board's agent left no verdict; {_where(trace)}")
    code, signal_number = exit_facts.get("returncode"), exit_facts.get("signal")
    if code == 0 and any(event.get("event") == "end" for event in trace):
        return COMPLETED
    cause = classify(_evidence(exit_facts, trace, log_tail, killed_by_us))
    where, name = _where(trace), cause.signature.name
    end = f"signal {signal_number}" if signal_number else f"exit code {code}"
    if cause.out_of_memory:
        detail = _memory_sentence(exit_facts, where, _told(trace, cause), last_rss_bytes)
    elif name in ("stopped_by_us", "illegal_instruction"):
        detail = f"{end}, {where}: {cause.signature.remark}"
    else:
        detail = f"{end}, {where}: {_told(trace, cause)}"
    return Outcome(name=_NAMES.get(name, cause.signature.outcome), detail=f"{detail} [{name}]", signature=name)


def _evidence(
    exit_facts: Mapping[str, Any], trace: list[Mapping[str, Any]], log_tail: str, killed_by_us: bool
) -> Evidence:
    error = _error(trace)
    kernel_log = exit_facts.get("kernel_log") or ""
    kinds = ("returncode", "signal", "oom_kills", "budget_bytes", "budget_kind", "cgroup_peak_bytes", "pid")
    return Evidence(
        **{kind: exit_facts.get(kind) for kind in kinds},
        error_kind=error.get("kind") if error else None,
        error_text=str(error.get("text", "")) if error else None,
        log_tail=log_tail,
        kernel_log=kernel_log if isinstance(kernel_log, str) else "\n".join(map(str, kernel_log)),
        killed_by_us=killed_by_us,
    )


def _memory_sentence(exit_facts: Mapping[str, Any], where: str, told: str, last_rss_bytes: int | None) -> str:
    budget = exit_facts.get("budget_bytes")
    peak = exit_facts.get("cgroup_peak_bytes")
    parts = [f"did not fit: budget {show_bytes(budget)} ({exit_facts.get('budget_kind', 'unknown')})"]
    if peak:
        parts.append(f"charged {show_bytes(peak)} at most")
    if last_rss_bytes:
        parts.append(f"{show_bytes(last_rss_bytes)} resident when last seen")
    parts.append(where)
    return ", ".join(parts) + f": {told}"


def _told(trace: list[Mapping[str, Any]], cause: Cause) -> str:
    """What it said itself, else the line that decided, else what the signature means."""
    error = _error(trace)
    said = str(error.get("text", "")) if error else ""
    return _short(said or cause.text or cause.signature.remark)


def _error(trace: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((event for event in reversed(trace) if event.get("event") == "error"), None)


def _short(text: str) -> str:
    return text[:200].split("\n")[0]


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
