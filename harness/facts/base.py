"""A fact, and the one function that asks a board for it. A parser never knows how the board was reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from harness.connect.base import KILLED, Result
from harness.errors import CommandFailed

T = TypeVar("T")
DEADLINE_S = 10.0
NO_SUCH_PROGRAM = 127
ILLEGAL_INSTRUCTION = 128 + 4


class Runner(Protocol):
    """The part of a connection that facts and settings need."""

    def run(self, command: str, timeout_s: float | None = None) -> Result:
        """See `harness.connect.base.Connection.run`."""


@dataclass(frozen=True, kw_only=True)
class Fact(Generic[T]):
    name: str
    command: str
    parse: Callable[[str], T]  # raises ValueError for a text of another form


@dataclass(frozen=True, kw_only=True)
class Found(Generic[T]):
    """What came of asking. Absent (this board has no such thing) is an answer; a fault is none."""

    value: T | None
    fault: str = ""

    @property
    def absent(self) -> bool:
        return self.value is None and not self.fault


def read(runner: Runner, fact: Fact[T], timeout_s: float = DEADLINE_S) -> Found[T]:
    """Ask. Only a lost connection is raised (`Unreachable`); all else is a fault in words."""
    try:
        result = runner.run(fact.command, timeout_s)
    except CommandFailed as error:
        return Found(value=None, fault=error.message)
    return found_in(fact, result)


def found_in(fact: Fact[T], result: Result) -> Found[T]:
    """What a finished command says of the fact."""
    if result.exit_code != 0:
        return Found(value=None, fault=_fault(fact, result))
    try:
        return Found(value=fact.parse(result.text))
    except ValueError as error:
        return Found(value=None, fault=f"{fact.name}: {error}")


def _fault(fact: Fact[T], result: Result) -> str:
    if result.exit_code == NO_SUCH_PROGRAM or "No such file or directory" in result.error_text:
        return ""
    if result.exit_code in (ILLEGAL_INSTRUCTION, KILLED):
        return f"{fact.name}: illegal instruction or killed; is it built for this CPU?"
    said = result.error_text.splitlines()
    return f"{fact.name}: exit code {result.exit_code}{': ' + said[-1] if said else ''}"
