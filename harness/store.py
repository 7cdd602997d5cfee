"""The run folder: `results/<report>/<run_id>/`. A cell or a run is finished when its JSON file is there.

That file is always written last and atomically, so a folder without it is unfinished whatever else lies in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import FedRackError, UnknownName

FORMAT = 1
MANIFEST = "manifest.json"
TRIES = "tries.jsonl"
REPORTS = {"report.html", "report.pdf", "report.json"}  # drawn from the run, not part of it


def now_utc() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_run_id() -> str:
    """Sorts by time; two runs started in the same second differ."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)


def write_json(path: Path, value: Any) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_json(path: Path) -> Any:
    """Raises `FedRackError` for a file that is no JSON."""
    try:
        return json.loads(path.read_text())
    except ValueError as error:  # of JSON, or bytes that are no UTF-8
        remedy = "remove it, or bring it back from a copy; a run without a cell's file repeats the cell"
        raise FedRackError(f"{path} is broken: {error}", remedy=remedy) from None


def read_mapping(path: Path) -> dict[str, Any] | None:
    """A JSON object from elsewhere; None where the file is missing, cut off, or something else."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def read_records(path: Path) -> Iterator[dict[str, Any] | None]:
    """JSON lines, None for one that is no object. A last line that was cut off is skipped, a missing file is empty."""
    if not path.is_file():
        return
    with path.open(errors="replace") as file:
        for line in file:
            try:
                value = json.loads(line)
            except ValueError:
                if line.endswith("\n"):
                    yield None
                continue
            yield value if isinstance(value, dict) else None


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """JSON lines, as far as they are objects."""
    return (record for record in read_records(path) if record is not None)


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """One run of one report."""

    path: Path

    @classmethod
    def new(cls, results: Path, report: str) -> RunFolder:
        """A run that is yet to begin; nothing is written before there is something to keep."""
        return cls(path=results / report / new_run_id())

    @classmethod
    def find(cls, results: Path, report: str, run_id: str) -> RunFolder:
        """An existing run, by its id."""
        folder = results / report
        known = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
        if run_id not in known:
            raise UnknownName(f"run of report {report!r}", run_id, known)
        return cls(path=folder / run_id)

    @property
    def run_id(self) -> str:
        return self.path.name

    def cell(self, cell_id: str) -> Path:
        return self.path / "cells" / cell_id

    def verdict_file(self, cell_id: str) -> Path:
        return self.cell(cell_id) / "cell.json"

    def finished(self, cell_id: str) -> bool:
        return self.verdict_file(cell_id).is_file()

    def verdict(self, cell_id: str) -> dict[str, Any]:
        found: dict[str, Any] = read_json(self.verdict_file(cell_id))
        return found

    def note_try(self, cell_id: str, attempt: int, failed: Mapping[str, str]) -> None:
        """One line per try of a cell: which boards failed it, and why."""
        with (self.path / TRIES).open("a") as file:
            line = {"cell_id": cell_id, "attempt": attempt, "failed": dict(failed), "at_utc": now_utc()}
            file.write(json.dumps(line) + "\n")

    def verdicts(self) -> list[dict[str, Any]]:
        """Every finished cell, oldest first."""
        found = [read_json(path) for path in self.path.glob("cells/*/cell.json")]
        return sorted(found, key=lambda verdict: str(verdict["started_utc"]))

    def write_manifest(self, facts: dict[str, Any]) -> None:
        """The last file of a run: circumstances, and a checksum of every other file."""
        files = {
            path.relative_to(self.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.name not in REPORTS | {MANIFEST}
        }
        write_json(self.path / MANIFEST, {"format": FORMAT, **facts, "files": files})

    def read_manifest(self) -> dict[str, Any]:
        path = self.path / MANIFEST
        if not path.is_file():
            raise FedRackError(
                f"{self.path} has no {MANIFEST}: the run was cut off",
                remedy=f"go on with it: fedrack bench --resume {self.run_id}",
            )
        manifest: dict[str, Any] = read_json(path)
        return manifest
