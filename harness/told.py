"""What a cell's own files tell of the circumstances that it ran under."""

from __future__ import annotations

from pathlib import Path

from harness.circumstances import Told
from harness.facts.base import Found
from harness.facts.throttle import raised_in
from harness.store import read_lines
from harness.verdict import EXIT, exit_facts


def told(raw: Path) -> Told:
    """`raw`: the folder with a board's files of the cell."""
    torch, python = _interpreter(raw / "events.jsonl")
    readings = (sample["sensors"] for sample in read_lines(raw / "samples.jsonl") if "sensors" in sample)
    return Told(torch=torch, python=python, raised=raised_in(readings), silent=_silent(raw / EXIT))


def _interpreter(events: Path) -> tuple[Found[str], Found[str]]:
    """The worker's torch and Python, by its own word."""
    start = next((event for event in read_lines(events) if event["event"] == "start"), None)
    if start is None:
        silent: Found[str] = Found(value=None, fault="the worker ended before it could say")
        return silent, silent
    return Found(value=f"{start['torch']} {start['torch_build']}"), Found(value=start["python"])


def _silent(exit_file: Path) -> dict[str, str]:
    """A sidecar that ends is a fault under its name; names of other faults are nobody's sidecar."""
    facts = exit_facts(exit_file) or {}
    failed = {fault["source"]: "failed" for fault in facts.get("faults", ())}
    return {**failed, **dict.fromkeys(facts.get("sidecars_absent", ()), "absent")}
