"""An inventory as Ansible understands it: groups in groups, hosts, and what each of them is given where. No files here.

Precedence, lowest first, is Ansible's: vars of `all` and of the other groups in the inventory file, then group_vars/ in
the same order, then the host's own vars in the file, then host_vars/. A deeper group wins over an outer one; at one
depth `ansible_group_priority` decides, then the name.
"""

from __future__ import annotations

import graphlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from harness.errors import Problem
from harness.load.board_keys import board_keys
from harness.load.fields import NAME
from harness.load.ranges import expand

PRIORITY = "ansible_group_priority"


class Given(NamedTuple):
    """What one place gives: everything as it stands there, and of it our own keys, checked."""

    values: Mapping[str, Any]
    keys: Mapping[str, Any]


@dataclass
class Group:
    """A group as far as the files have told; it may be spread over several places."""

    parents: set[str] = field(default_factory=set)
    in_file: list[Given] = field(default_factory=list)
    in_folder: list[Given] = field(default_factory=list)  # group_vars/


@dataclass
class Host:
    """A host as far as the files have told. `path` is the first place that names it."""

    path: str
    groups: set[str] = field(default_factory=set)
    in_file: list[Given] = field(default_factory=list)
    in_folder: list[Given] = field(default_factory=list)  # host_vars/


class Tree:
    """What has been read so far, and every mistake met on the way."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {"all": Group()}
        self.hosts: dict[str, Host] = {}
        self.problems: list[Problem] = []

    def add_group(self, name: str, path: str, parent: str | None) -> Group:
        """The group of that name, from now on also below `parent`."""
        if not NAME.fullmatch(name):
            self.mistake(path, f"{name!r} cannot name a group", "use letters, digits, `-`, `_` and `.`")
        group = self.groups.setdefault(name, Group())
        group.parents.update([parent] if parent is not None else [])
        return group

    def add_hosts(self, pattern: str, values: Mapping[str, Any], path: str, group: str) -> None:
        """Every host that the pattern stands for."""
        given = self.given(values, path)
        try:
            names = expand(pattern)
        except ValueError as error:
            return self.mistake(path, str(error), "write a range like nano-[01:04]")
        for name in names:
            if not NAME.fullmatch(name):
                remedy = "use letters, digits, `-`, `_` and `.`; address and port go to ansible_host and ansible_port"
                return self.mistake(path, f"{name!r} cannot name a board", remedy)
            host = self.hosts.setdefault(name, Host(path=path))
            host.groups.add(group)
            host.in_file.append(given)

    def given(self, values: Mapping[str, Any], path: str, *, shared: bool = False) -> Given:
        """One place's values. `shared`: a file that other programs read too, where keys of theirs are no mistake."""
        keys, problems = board_keys(values, path, shared=shared)
        self.problems += problems
        return Given(values, keys)

    def mistake(self, path: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(path=path, what=what, remedy=remedy))

    def order(self) -> dict[str, int]:
        """Depth of each group below `all`. A circle is a mistake, and leaves the depth of its groups open."""
        depth: dict[str, int] = {}
        try:
            for name in graphlib.TopologicalSorter({n: g.parents for n, g in self.groups.items()}).static_order():
                depth[name] = 1 + max((depth[parent] for parent in self.groups[name].parents), default=-1)
        except graphlib.CycleError as error:
            circle = " > ".join(reversed(error.args[1]))
            self.mistake("all", f"groups contain each other: {circle}", "take one of them out of the other's children")
        return depth

    def groups_of(self, host: Host, depth: Mapping[str, int]) -> tuple[str, ...]:
        """All groups of a host below `all`, the one that wins last."""
        found: set[str] = set()
        waiting = set(host.groups)
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= self.groups[name].parents - found
        found.discard("all")
        ordered = sorted(found, key=lambda name: (depth.get(name, 0), self._priority(name), name))
        return tuple(ordered) or ("ungrouped",)

    def layers(self, host: Host, depth: Mapping[str, int]) -> Iterator[Given]:
        """Everything that holds for a host, what wins last."""
        groups = [self.groups[name] for name in ("all", *self.groups_of(host, depth)) if name in self.groups]
        for group in groups:
            yield from group.in_file
        for group in groups:
            yield from group.in_folder
        yield from host.in_file
        yield from host.in_folder

    def values_of(self, name: str, depth: Mapping[str, int]) -> dict[str, Any]:
        """A host's variables as Ansible merges them, keys of other programs included."""
        merged = {key: value for given in self.layers(self.hosts[name], depth) for key, value in given.values.items()}
        merged.pop(PRIORITY, None)  # spent on the order of groups
        return merged

    def keys_of(self, name: str, depth: Mapping[str, int]) -> dict[str, Any]:
        """A host's keys as FedRack takes them. A null takes a key back."""
        merged = {key: value for given in self.layers(self.hosts[name], depth) for key, value in given.keys.items()}
        return {key: value for key, value in merged.items() if value is not None}

    def _priority(self, name: str) -> int:
        given = [each.values[PRIORITY] for each in self.groups[name].in_file if PRIORITY in each.values]
        return int(given[-1]) if given and str(given[-1]).lstrip("-").isdigit() else 1
