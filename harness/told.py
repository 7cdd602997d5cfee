"""What a cell's own files tell of the circumstances that it ran under; lines that were damaged tell nothing."""

from __future__ import annotations

from pathlib import Path

from harness.circumstances import Told
from harness.facts.base import Found
from harness.facts.throttle import raised_in
from harness.frame.readings import read_stream
from harness.store import read_lines, read_mapping
from harness.verdict import EXIT


def told(raw: Path) -> Told:
    """`raw`: the folder with a board's files of the cell."""
    torch, python = _interpreter(raw / "events.jsonl")
    readings = (line.sensors for line in read_stream(raw / "samples.jsonl").lines)
    return Told(torch=torch, python=python, raised=raised_in(readings), silent=_silent(raw / EXIT))


def _interpreter(events: Path) -> tuple[Found[str], Found[str]]:
    """The worker's torch and Python, by its own word."""
    start = next((event for event in read_lines(events) if event.get("event") == "start"), {})
    if not {"torch", "torch_build", "python"} <= set(start):
        silent: Found[str] = Found(value=None, fault="the worker ended before it could say")
        return silent, silent
    return Found(value=f"{start['torch']} {start['torch_build']}"), Found(value=start["python"])


def _silent(exit_file: Path) -> dict[str, str]:
    """A sidecar that ends is a fault under its name; names of other faults are nobody's sidecar."""
    facts = read_mapping(exit_file) or {}
    failed = {fault["source"]: "failed" for fault in facts.get("faults", ())}
    return {**failed, **dict.fromkeys(facts.get("sidecars_absent", ()), "absent")}
