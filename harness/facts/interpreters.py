"""The Python interpreters of a board."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from harness.facts.base import Fact

_LINE = re.compile(r"^(?P<path>\S+) Python (?P<version>\d+(?:\.\d+)+)\S*$")
NAMES = ("python3", *(f"python3.{minor}" for minor in range(6, 15)))


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    path: str
    version: tuple[int, ...]

    @property
    def minor(self) -> tuple[int, int]:
        """(3, 11): what a wheel is built for."""
        return self.version[0], self.version[1]

    @property
    def version_text(self) -> str:
        return ".".join(map(str, self.version))


def parse_interpreters(text: str) -> tuple[Interpreter, ...]:
    """Lines of `path Python 3.11.2`; what answers otherwise is no interpreter."""
    matches = [match for line in text.splitlines() if (match := _LINE.match(line.strip()))]
    return tuple(
        Interpreter(path=match["path"], version=tuple(int(part) for part in match["version"].split(".")))
        for match in matches
    )


def interpreters(*more: str) -> Fact[tuple[Interpreter, ...]]:
    """Those on the path, and `more`, which come first."""
    names = " ".join(shlex.quote(name) for name in dict.fromkeys((*more, *NAMES)))
    command = f'for n in {names}; do p=$(command -v "$n") && echo "$p $("$p" -V 2>&1)"; done; true'
    return Fact(name="interpreters", command=command, parse=parse_interpreters)
