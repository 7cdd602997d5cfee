"""What the controller remembers of each board between commands: a small state machine, one JSON file a board.

unknown > reachable > provisioned > ready > running, with broken (the last thing failed; see its evidence) and
quarantined (a person or the night's health check took it out) beside them. A failure never erases the first evidence.
"""

from __future__ import annotations

import enum
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.errors import FedRackError


class State(enum.StrEnum):
    UNKNOWN = "unknown"
    REACHABLE = "reachable"  # it answers to a pinned key
    PROVISIONED = "provisioned"  # its image is installed, and torch has run there
    READY = "ready"  # and every check of `fedrack doctor` passed
    RUNNING = "running"
    BROKEN = "broken"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, kw_only=True)
class BoardRecord:
    state: State = State.UNKNOWN
    since_utc: str = ""
    evidence: str = ""  # of a broken or quarantined board: the first error
    remedy: str = ""

    def seen(self, state: State) -> BoardRecord:
        """Something good was seen. Quarantine ends by hand alone, and a lesser state does not undo a better one."""
        if self.state is State.QUARANTINED or (self.state is state):
            return self
        if state is State.REACHABLE and self.state in (State.PROVISIONED, State.READY):
            return self
        return BoardRecord(state=state, since_utc=_now())

    def failed(self, evidence: str, remedy: str) -> BoardRecord:
        """Something failed. The first evidence is kept while it stays broken."""
        if self.state in (State.BROKEN, State.QUARANTINED):
            return self
        return BoardRecord(state=State.BROKEN, since_utc=_now(), evidence=evidence, remedy=remedy)

    def quarantined(self, why: str) -> BoardRecord:
        return replace(self, state=State.QUARANTINED, since_utc=_now(), evidence=why, remedy="fedrack boards --release")


class States:
    """The records of a results folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, board: str) -> BoardRecord:
        try:
            said = json.loads(self._path(board).read_text())
            return BoardRecord(**{**said, "state": State(said["state"])})
        except FileNotFoundError:
            return BoardRecord()
        except (ValueError, TypeError, KeyError) as error:
            message = f"{self._path(board)} is no record of a board ({error})"
            raise FedRackError(message, remedy="remove the file: the next command writes it anew") from None

    def __setitem__(self, board: str, record: BoardRecord) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        fresh = self._path(board).with_suffix(".new")
        fresh.write_text(json.dumps(asdict(record), indent=1) + "\n")
        fresh.replace(self._path(board))

    def _path(self, board: str) -> Path:
        return self._folder / f"{board}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
