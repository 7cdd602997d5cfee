"""Which hosts a pattern names, as Ansible's `--limit` understands it. Pure.

`jetson-nano:!nano-03`, `pi*,phone-01`, `jetson:&night`, `~nano-0[12]`, `jetson-nano[0:1]`. Whatever the order in the
text, names are united first, then `&` intersects and `!` excludes. Other than in Ansible, a part that matches nothing
is an error wherever it stands: after a slip in `!nano-03` that board would run.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence

from harness.errors import UnknownName

_PARTS = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")  # a colon separates, unless it stands in brackets
_SUBSCRIPT = re.compile(r"(?P<base>.+)\[(?:(?P<one>-?\d+)|(?P<first>\d+):(?P<last>-?\d*))\]")


def matching(pattern: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> set[str]:
    """The hosts that `pattern` names; `groups` holds the hosts of each group, `all` included. Raises `UnknownName`."""
    parts = split(pattern)
    chosen: set[str] = set()
    named = [part for part in parts if part[0] not in "&!"] or ["all"]
    for part in named:
        chosen |= _one(part, hosts, groups)
    for part in (part for part in parts if part[0] == "&"):
        chosen &= _one(part[1:], hosts, groups)
    for part in (part for part in parts if part[0] == "!"):
        chosen -= _one(part[1:], hosts, groups)
    if not parts or not chosen:
        raise UnknownName("device", pattern, [*groups, *hosts])
    return chosen


def split(pattern: str) -> list[str]:
    """The parts of a pattern. With a comma in it only commas separate, as in Ansible."""
    if "," in pattern:
        return [part.strip() for part in pattern.split(",") if part.strip()]
    if pattern.strip().startswith("~"):
        return [pattern.strip()]
    return _PARTS.findall(pattern)


def _one(part: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> set[str]:
    found = _named(part, hosts, groups)
    if not found and (cut := _SUBSCRIPT.fullmatch(part)):
        found = _cut(_named(cut["base"], hosts, groups), cut)
    if not found:
        raise UnknownName("device", part, [*groups, *hosts])
    return set(found)


def _named(part: str, hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Hosts by exact name or in groups that match; with a glob or an expression, hosts that match as well."""
    if part in hosts and part not in groups:
        return [part]
    matches = _matcher(part)
    in_groups = [host for group, members in groups.items() if matches(group) for host in members]
    alone = [] if part in groups else [host for host in hosts if matches(host)]
    return list(dict.fromkeys([*in_groups, *alone]))


def _matcher(part: str) -> Callable[[str], object]:
    if part.startswith("~"):
        try:
            return re.compile(part[1:]).match
        except re.error as error:
            raise UnknownName("device", f"{part} ({error})", ["an expression after ~"]) from None
    return re.compile(fnmatch.translate(part)).match


def _cut(found: list[str], cut: re.Match[str]) -> list[str]:
    """`[n]` is one host, `[first:last]` a run of them, both ends included."""
    if cut["one"] is not None:
        index = int(cut["one"])
        return found[index : index + 1 or None]
    end = int(cut["last"]) if cut["last"] else len(found) - 1
    return found[int(cut["first"]) : end + 1 or None]
