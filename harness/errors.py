"""The one error tree of the controller.

Every message names the object it speaks of; `remedy` says what the reader can do about it.
`harness.cli.main` prints both, once, and turns the class into an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class FedRackError(Exception):
    """Base class: something a user can act on."""

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in an input file."""

    path: str  # where in the file: "all.children.jetson-nano.vars.memory_budget_mb"
    what: str  # what is wrong there
    remedy: str  # what to write instead

    def at(self, place: str) -> Problem:
        """The same mistake, named from further out."""
        return Problem(path=f"{place}: {self.path}", what=self.what, remedy=self.remedy)

    def __str__(self) -> str:
        return f"{self.path}: {self.what} -> {self.remedy}" if self.remedy else f"{self.path}: {self.what}"


class BadInput(FedRackError):
    """A file or an option that cannot be used; carries every mistake at once."""

    exit_code = 2

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        count = f"{len(problems)} mistake{'s' if len(problems) != 1 else ''}"
        super().__init__("\n".join([f"{source}: {count}", *(f"  {p}" for p in problems)]))
        self.problems = tuple(problems)


class UnknownName(FedRackError):
    """A name that no registry, group or host answers to."""

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        super().__init__(f"unknown {kind} {name!r}", remedy=nearest(name, known))
        self.name = name


class BoardError(FedRackError):
    """Something went wrong with one board; the others go on."""

    outcome = "broken"

    def __init__(self, board: str, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{board}: {message}", remedy=remedy)
        self.board = board


class Unreachable(BoardError):
    """The board did not answer within its own deadline."""

    outcome = "unreachable"


class HostKeyRefused(BoardError):
    """The board's host key is not the pinned one."""

    outcome = "host_key_refused"


class LoginRefused(BoardError):
    """The board answered, but does not accept our key."""

    outcome = "login_refused"


class BoardBusy(BoardError):
    """Another run holds the board's lease."""

    outcome = "busy"


class Quarantined(BoardError):
    """The board was taken out, by the rule or by a person; its record says why."""

    outcome = "quarantined"


class CommandFailed(BoardError):
    """A command on the board ended with an error, or ran past its deadline."""


class AgentLost(BoardError):
    """The control channel to the board's agent ended while it was needed."""

    outcome = "lost"


def nearest(name: str, known: Sequence[str]) -> str:
    """A remedy for an unknown name: the closest known one, then all of them."""
    close = difflib.get_close_matches(name, known, n=1)
    listing = "known: " + (", ".join(known) if known else "none")
    return f"did you mean {close[0]!r}? {listing}" if close else listing
