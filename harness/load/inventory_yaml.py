"""Ansible's YAML inventories: groups of `hosts`, `vars` and `children`, nested as deep as one likes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.load.document import read_yaml
from harness.load.fields import as_mapping, unknown_keys
from harness.load.tree import Tree

_PARTS = ("vars", "hosts", "children")


def read_yaml_inventory(path: Path, tree: Tree) -> None:
    """Adds what the file says to `tree`. Raises `BadInput` for a file that is no YAML mapping."""
    for name, body in as_mapping(read_yaml(path), "", tree.problems).items():
        _read_group(tree, name, body, path=name, ancestors=() if name == "all" else ("all",))


def _read_group(tree: Tree, name: str, raw: Any, path: str, ancestors: tuple[str, ...]) -> None:
    """One `name: {vars, hosts, children}` of the file, and all below it."""
    group = tree.add_group(name, path, ancestors[-1] if ancestors else None)
    body = as_mapping(raw, path, tree.problems)
    tree.problems += unknown_keys(body, _PARTS, path)
    group.in_file.append(tree.given(as_mapping(body.get("vars"), f"{path}.vars", tree.problems), f"{path}.vars"))
    for pattern, host in _names(tree, body, "hosts", path).items():
        here = f"{path}.hosts.{pattern}"
        tree.add_hosts(pattern, as_mapping(host, here, tree.problems), here, name)
    for child, below in _names(tree, body, "children", path).items():
        if child in (*ancestors, name):
            tree.groups[child].parents.add(name)  # `Tree.order` reports the circle
        else:
            _read_group(tree, child, below, f"{path}.children.{child}", (*ancestors, name))


def _names(tree: Tree, body: dict[str, Any], part: str, path: str) -> dict[str, Any]:
    """`hosts` and `children` are mappings; a single name may stand as plain text."""
    raw = body.get(part)
    return {raw: None} if isinstance(raw, str) else as_mapping(raw, f"{path}.{part}", tree.problems)
