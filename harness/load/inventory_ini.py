"""Ansible's INI inventories: `[group]`, `[group:vars]`, `[group:children]`; a host a line, `key=value` behind it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import nearest
from harness.load.document import read_text
from harness.load.tree import Tree

_SECTION = re.compile(r"\[(?P<group>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?")
_PORT = re.compile(r"(?P<name>.+):(?P<port>\d+)")
_KINDS = ("hosts", "vars", "children")


class _Line(NamedTuple):
    group: str
    kind: str
    text: str
    place: str  # "line 7", for messages


def read_ini_inventory(path: Path, tree: Tree) -> None:
    """Adds what the file says to `tree`. Raises `BadInput` for a file that cannot be read."""
    lines = list(_lines(read_text(path), tree))
    declared = {line.group for line in lines if line.kind != "vars"} | {"all", "ungrouped"}
    for line in lines:
        if line.kind == "hosts":
            _read_host(tree, line)
        elif line.kind == "children":
            _read_child(tree, line, declared)
        elif line.group not in declared:
            tree.mistake(line.place, f"there is no group {line.group!r}", nearest(line.group, sorted(declared)))
        else:
            _read_variable(tree, line)
    for name, group in tree.groups.items():
        if name != "all" and not group.parents:
            group.parents.add("all")


def _lines(text: str, tree: Tree) -> Iterator[_Line]:
    """Lines that say something, each with the section it stands in; a section's own line has no text."""
    group, kind = "all", "hosts"  # before the first section: hosts without a group
    for number, raw in enumerate(text.splitlines(), 1):
        line, place = raw.strip(), f"line {number}"
        if not line or line.startswith(("#", ";")):
            continue
        section = _SECTION.fullmatch(line)
        if section:
            group, kind = section["group"], section["kind"] or "hosts"
            if kind not in _KINDS:
                tree.mistake(place, f"[{group}:{kind}] is no section", nearest(kind, _KINDS))
                kind = "hosts"
            if kind != "vars":
                tree.add_group(group, place, None)
                yield _Line(group, kind, "", place)
        else:
            yield _Line(group, kind, line, place)


def _read_host(tree: Tree, line: _Line) -> None:
    if not line.text:
        return
    try:
        pattern, *pairs = shlex.split(line.text, comments=True)
    except ValueError as error:
        return tree.mistake(line.place, f"cannot be split into words: {error}", "close the quote")
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            return tree.mistake(line.place, f"{pair!r} is no key=value", "write `key=value`, without spaces")
        values[key] = _literal(value)
    if port := _PORT.fullmatch(pattern):
        pattern, values = port["name"], {"ansible_port": int(port["port"]), **values}
    before = tree.hosts.get(pattern)
    if before is not None and line.group in before.groups:
        tree.mistake(
            line.place,
            f"{pattern!r} is given twice in [{line.group}], first in {before.path.partition('.')[0]}",
            "keep one of them",
        )
    tree.add_hosts(pattern, values, f"{line.place}.{pattern}", line.group)


def _read_child(tree: Tree, line: _Line, declared: set[str]) -> None:
    if not line.text:
        return
    child = line.text.split("#")[0].strip()
    if child not in declared:
        return tree.mistake(line.place, f"there is no group {child!r}", nearest(child, sorted(declared)))
    tree.add_group(child, line.place, line.group)


def _read_variable(tree: Tree, line: _Line) -> None:
    key, equals, value = (part.strip() for part in line.text.partition("="))
    if not equals:
        return tree.mistake(line.place, f"{line.text!r} is no key=value", "put `=` between key and value")
    tree.add_group(line.group, line.place, None).in_file.append(
        tree.given({key: _literal(value)}, f"{line.place}.{line.group}")
    )


def _literal(text: str) -> Any:
    """A Python literal, as Ansible reads INI values; anything else is text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
