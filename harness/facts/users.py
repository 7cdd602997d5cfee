"""Who else uses a board: logins, load, and whoever holds our lease."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any

from harness.facts.base import Fact

_HOLDER = """
import fcntl, json
try:
    file = open("lease.json")
except OSError:
    print(json.dumps({"held": False, "text": ""}))
else:
    text = file.read()
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        held = False
    except OSError:
        held = True
    print(json.dumps({"held": held, "text": text}))
"""


@dataclass(frozen=True, kw_only=True)
class Activity:
    logins: tuple[str, ...]  # users with a terminal, each once
    load: float  # mean over a minute


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The lock on the board's `lease.json`. The kernel drops it with its process: a text without lock is stale."""

    held: bool
    holder: str  # `user@host, run X`; empty: nobody has ever, or said goodbye in order

    @property
    def stale(self) -> bool:
        return not self.held and bool(self.holder)


def parse_activity(text: str) -> Activity:
    """`load 0.10 ...`, then a line of `who` for each login."""
    first, *rest = text.splitlines() or [""]
    words = first.split()
    if len(words) < 2 or words[0] != "load":
        raise ValueError(f"no load: {text[:80]!r}")
    logins = dict.fromkeys(line.split()[0] for line in rest if line.strip())
    return Activity(logins=tuple(logins), load=float(words[1]))


def parse_lease(text: str) -> Lease:
    """The one line of JSON of our script."""
    said = json.loads(text)
    return Lease(held=bool(said["held"]), holder=_named(str(said["text"])))


def _named(text: str) -> str:
    try:
        holder: Any = json.loads(text)
    except ValueError:
        return ""
    if not isinstance(holder, dict):
        return ""
    return f"{holder.get('user', 'somebody')}@{holder.get('host', 'an unknown machine')}, {holder.get('run', '?')}"


ACTIVITY = Fact(
    name="activity", command="echo load $(cat /proc/loadavg); who 2>/dev/null || true", parse=parse_activity
)


def lease(root: str, python: str) -> Fact[Lease]:
    """Asks without taking: a shared lock that ends with the script."""
    command = f"cd {shlex.quote(root)} 2>/dev/null; {shlex.quote(python)} -S -c {shlex.quote(_HOLDER)}"
    return Fact(name="lease", command=command, parse=parse_lease)
