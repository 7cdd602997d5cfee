"""The health of the boards on disk: a file beside the results, read before a run and written after each try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from harness.schedule import Health
from harness.store import read_json, write_json

FILE = ".health.json"


class HealthBook:
    """Each board's `Health` by its name."""

    def __init__(self, path: Path, boards: Iterable[str]) -> None:
        self._path = path
        known = read_json(path) if path.is_file() else {}
        self._others = {name: facts for name, facts in known.items() if name not in set(boards)}
        self.boards = {name: _health(known.get(name, {})).in_a_new_run() for name in boards}

    def note(self, board: str, failure: str) -> Health:
        """Remember how a try went; an empty `failure` is a good one."""
        self.boards[board] = self.boards[board].after(failure)
        write_json(self._path, {**self._others, **{name: asdict(health) for name, health in self.boards.items()}})
        return self.boards[board]


def _health(facts: dict[str, object]) -> Health:
    known = Health(**facts) if facts else Health()  # type: ignore[arg-type]  # as asdict wrote it
    return Health(state=known.state, tries=tuple(known.tries), reason=known.reason)
