"""What the controller remembers of each board between commands: a small state machine, one JSON file a board.

unknown > reachable > provisioned > ready > running, with broken (the last thing failed; see its evidence) and
quarantined (taken out, by the rule below or by a person) beside them. A failure never erases the first evidence.

The rule: two failures in three tries, or one failed health check of a board that had been in service. A health check
that it passes ends such a quarantine with a probation, on which one failure sends it back and three good tries free it.
A quarantine by hand ends by hand.
"""

from __future__ import annotations

import enum
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.errors import FedRackError
from harness.store import read_json, write_json

FOLDER = ".boards"  # below the results
LOOK_BACK = 3  # tries
FAILURES = 2  # of those that quarantine a board
PROBATION = 3  # tries without a failure that end a probation
RELEASE = "fedrack boards --release"
HEALTH_CHECK = "mend it; a passed `fedrack doctor` puts it on probation"


class State(enum.StrEnum):
    UNKNOWN = "unknown"
    REACHABLE = "reachable"  # it answers to a pinned key
    PROVISIONED = "provisioned"  # its image is installed, and torch has run there
    READY = "ready"  # and every check of `fedrack doctor` passed
    RUNNING = "running"  # a run holds it
    BROKEN = "broken"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, kw_only=True)
class BoardRecord:
    state: State = State.UNKNOWN
    since_utc: str = ""
    evidence: str = ""  # of a broken or quarantined board: the first error
    remedy: str = ""
    by_hand: bool = False  # a quarantine that a person set
    probation: bool = False
    tries: tuple[bool, ...] = ()  # the latest ones; True: failed
    held_by: str = ""  # the run that has it; empty: none

    @property
    def shown(self) -> State:
        """The state as a reader knows it: what a run holds is running, whatever it will be afterwards."""
        return State.RUNNING if self.held_by else self.state

    @property
    def in_service(self) -> bool:
        """It has worked before: failing now is news, not a board that nobody has set up yet."""
        return self.state in (State.PROVISIONED, State.READY) or self.probation or bool(self.tries)

    def seen(self, state: State) -> BoardRecord:
        """Something good was seen. It ends no quarantine, and a lesser state does not undo a better one."""
        if self.state in (State.QUARANTINED, state):
            return self
        if state is State.REACHABLE and self.state in (State.PROVISIONED, State.READY):
            return self
        return self._now(state)

    def failed(self, evidence: str, remedy: str) -> BoardRecord:
        """Something failed. The first evidence is kept while it stays broken."""
        if self.state in (State.BROKEN, State.QUARANTINED):
            return self
        return self._now(State.BROKEN, evidence, remedy)

    def after_try(self, failure: str) -> BoardRecord:
        """A cell was tried on it; an empty `failure` is a good try."""
        if self.state is State.QUARANTINED:
            return self
        tries = (*self.tries, bool(failure))[-LOOK_BACK:]
        if not failure:
            free = self.probation and len(tries) >= PROBATION
            return replace(self.seen(State.REACHABLE), tries=tries, probation=self.probation and not free)
        if self.probation:
            return self._quarantined(f"failed on probation: {failure}")
        if sum(tries) >= FAILURES:
            return self._quarantined(f"{sum(tries)} failures in {len(tries)} tries, the last: {failure}")
        return replace(self.failed(failure, ""), tries=tries)

    def after_health_check(self, failure: str, remedy: str = "") -> BoardRecord:
        """It was examined; an empty `failure` is a clean bill of health."""
        if not failure:
            returns = self.state is State.QUARANTINED and not self.by_hand
            return replace(BoardRecord()._now(State.READY), probation=True) if returns else self.seen(State.READY)
        if self.in_service:
            return self._quarantined(f"health check: {failure}", remedy)
        return self.failed(failure, remedy)

    def quarantined(self, why: str) -> BoardRecord:
        """Taken out by a person."""
        return replace(self._now(State.QUARANTINED, why, RELEASE), by_hand=True, probation=False, tries=())

    def taken(self, run: str) -> BoardRecord:
        """A run holds it. That it could be prepared shows that it can be reached."""
        return replace(self.seen(State.REACHABLE), held_by=run)

    def let_go(self) -> BoardRecord:
        return replace(self, held_by="")

    def _quarantined(self, why: str, remedy: str = "") -> BoardRecord:
        if self.state is State.QUARANTINED:
            return self
        remedy = f"{remedy}; then {HEALTH_CHECK}" if remedy else HEALTH_CHECK
        return replace(self._now(State.QUARANTINED, why, remedy), probation=False, tries=())

    def _now(self, state: State, evidence: str = "", remedy: str = "") -> BoardRecord:
        now_utc = datetime.now(UTC).isoformat(timespec="seconds")
        return replace(self, state=state, since_utc=now_utc, evidence=evidence, remedy=remedy)


class States:
    """The records of a results folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, board: str) -> BoardRecord:
        path = self._path(board)
        try:
            said: dict[str, Any] = read_json(path)
            return BoardRecord(**{**said, "state": State(said["state"]), "tries": tuple(said.get("tries", ()))})
        except FileNotFoundError:
            return BoardRecord()
        except (FedRackError, ValueError, TypeError, KeyError) as error:
            message = f"{path} is no record of a board ({error})"
            raise FedRackError(message, remedy="remove the file: the next command writes it anew") from None

    def __setitem__(self, board: str, record: BoardRecord) -> None:
        write_json(self._path(board), asdict(record))

    def _path(self, board: str) -> Path:
        return self._folder / f"{board}.json"
