"""Ansible's YAML inventories as boards: groups in groups, inherited vars, host ranges."""

from __future__ import annotations

import getpass
import graphlib
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.board_classes import BOARD_CLASSES
from harness.errors import BadInput, Problem
from harness.inventory import BoardSpec, Inventory, Observation, Wanted
from harness.load.board_keys import board_keys
from harness.load.document import read_yaml
from harness.load.fields import BAD, NAME, as_mapping, unknown_keys
from harness.load.ranges import expand
from harness.meters import parse_meter
from harness.units import bytes_from_mib

IDLE_S = 10.0  # at rest before and after each cell, on boards that have a power of their own
COOL_DOWN_S = 120.0

_PARTS = ("vars", "hosts", "children")


@dataclass
class _Group:
    """A group as far as the file has told; it may be spread over several places."""

    parents: set[str] = field(default_factory=set)
    vars: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Host:
    """A host as far as the file has told. `path` is the first place that names it."""

    path: str
    groups: set[str] = field(default_factory=set)
    vars: dict[str, Any] = field(default_factory=dict)


def load_inventory(path: str | Path) -> Inventory:
    """The inventory in an Ansible-style YAML file. Raises `BadInput` with every mistake in it."""
    path = Path(path)
    draft = _Draft()
    for name, body in as_mapping(read_yaml(path), "", draft.problems).items():
        draft.read_group(name, body, path=name, ancestors=() if name == "all" else ("all",))
    order = draft.order_groups()
    merged = {name: draft.merge(host, order) for name, host in draft.hosts.items()}
    problems = [*draft.problems, *_mistakes(merged, draft, path.parent)]
    if problems:
        raise BadInput(str(path), list(dict.fromkeys(problems)))
    boards = tuple(
        _board(name, merged[name], draft.groups_of(draft.hosts[name], order), path.parent) for name in merged
    )
    names = {group: tuple(b.name for b in boards if group in ("all", *b.groups)) for group in ("all", *draft.groups)}
    if any("ungrouped" in board.groups for board in boards):
        names["ungrouped"] = tuple(board.name for board in boards if "ungrouped" in board.groups)
    return Inventory(source=str(path), boards=boards, groups=names)


class _Draft:
    """What has been read so far, and every mistake met on the way."""

    def __init__(self) -> None:
        self.groups: dict[str, _Group] = {"all": _Group()}
        self.hosts: dict[str, _Host] = {}
        self.problems: list[Problem] = []

    def read_group(self, name: str, raw: Any, path: str, ancestors: tuple[str, ...]) -> None:
        """One `name: {vars, hosts, children}` of the file, and all below it."""
        if not NAME.fullmatch(name):
            self._mistake(path, f"{name!r} cannot name a group", "use letters, digits, `-`, `_` and `.`")
        body = as_mapping(raw, path, self.problems)
        self.problems += unknown_keys(body, _PARTS, path)
        group = self.groups.setdefault(name, _Group())
        group.parents.update(ancestors[-1:])
        group.vars.update(self._vars(body.get("vars"), f"{path}.vars"))
        for pattern, host in as_mapping(body.get("hosts"), f"{path}.hosts", self.problems).items():
            self._read_hosts(pattern, host, f"{path}.hosts.{pattern}", name)
        for child, below in as_mapping(body.get("children"), f"{path}.children", self.problems).items():
            if child in (*ancestors, name):
                self.groups[child].parents.add(name)  # `order_groups` reports the circle
            else:
                self.read_group(child, below, f"{path}.children.{child}", (*ancestors, name))

    def _read_hosts(self, pattern: str, raw: Any, path: str, group: str) -> None:
        own = self._vars(raw, path)
        try:
            names = expand(pattern)
        except ValueError as error:
            return self._mistake(path, str(error), "write a range like nano-[01:04]")
        for name in names:
            if not NAME.fullmatch(name):
                remedy = "use letters, digits, `-`, `_` and `.`; address and port go to ansible_host and ansible_port"
                return self._mistake(path, f"{name!r} cannot name a board", remedy)
            host = self.hosts.setdefault(name, _Host(path=path))
            host.groups.add(group)
            host.vars.update(own)

    def _vars(self, raw: Any, path: str) -> dict[str, Any]:
        values, problems = board_keys(as_mapping(raw, path, self.problems), path)
        self.problems += problems
        return values

    def order_groups(self) -> dict[str, int]:
        """Depth of each group below `all`; a deeper one overrides, as in Ansible."""
        depth: dict[str, int] = {}
        try:
            for name in graphlib.TopologicalSorter({n: g.parents for n, g in self.groups.items()}).static_order():
                depth[name] = 1 + max((depth[parent] for parent in self.groups[name].parents), default=-1)
        except graphlib.CycleError as error:
            circle = " > ".join(reversed(error.args[1]))
            self._mistake("all", f"groups contain each other: {circle}", "take one of them out of the other's children")
        return depth

    def groups_of(self, host: _Host, depth: dict[str, int]) -> tuple[str, ...]:
        """All groups of a host below `all`, innermost last; at the same depth by name, as Ansible merges them."""
        found: set[str] = set()
        waiting = set(host.groups)
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= self.groups[name].parents - found
        found.discard("all")
        return tuple(sorted(found, key=lambda name: (depth.get(name, 0), name))) or ("ungrouped",)

    def merge(self, host: _Host, depth: dict[str, int]) -> dict[str, Any]:
        """The host's keys: all < outer groups < inner groups < its own. A null takes a key back."""
        levels = ["all", *(name for name in self.groups_of(host, depth) if name in self.groups)]
        values = {key: value for name in levels for key, value in self.groups[name].vars.items()}
        return {key: value for key, value in {**values, **host.vars}.items() if value is not None}

    def _mistake(self, path: str, what: str, remedy: str) -> None:
        self.problems.append(Problem(path=path, what=what, remedy=remedy))


def _mistakes(merged: dict[str, dict[str, Any]], draft: _Draft, folder: Path) -> list[Problem]:
    """What only shows once groups and hosts are put together."""
    found: list[Problem] = []
    addresses: dict[tuple[Any, Any], str] = {}

    def mistake(name: str, what: str, remedy: str) -> None:
        found.append(Problem(path=draft.hosts[name].path, what=what, remedy=remedy))

    for name, keys in merged.items():
        if name in draft.groups:
            mistake(name, f"{name!r} names a group and a board", "give one of them another name")
        if "board_class" not in keys:
            mistake(name, "no board_class", "write `board_class: jetson-nano` here or in the group's vars")
        if keys.get("meters", BAD) is not BAD:
            for number, text in enumerate(keys["meters"]):
                found += parse_meter(text, f"{draft.hosts[name].path}.meters[{number}]")[1]
        if "virtual" in keys:
            continue
        if problem := _server_address_mistake(keys):
            mistake(name, *problem)
        pins = keys.get("known_hosts")
        if isinstance(pins, str) and not _below(folder, pins).is_file():
            mistake(name, f"known_hosts: there is no file {pins}", "write a path relative to the inventory's folder")
        address = (keys.get("ansible_host", name), keys.get("ansible_port", 22))
        if BAD not in address and addresses.setdefault(address, name) != name:
            what = f"{name} has the same address as {addresses[address]}, {address[0]}:{address[1]}"
            mistake(name, what, "give each board its own ansible_host or ansible_port")
    if not merged and not draft.problems:
        found.append(Problem(path="all", what="no boards", remedy="write one below `hosts:` of a group"))
    return found


def _server_address_mistake(keys: dict[str, Any]) -> tuple[str, str] | None:
    remedy = "write `server_address:` with this machine's address on the boards' network, best under all.vars"
    address = keys.get("server_address")
    if address is None:
        return "no server_address, and a real board cannot reach this machine by 127.0.0.1", remedy
    if _loopback(address) and not _loopback(keys.get("ansible_host", "")):
        return f"server_address {address} is the board itself when seen from there", remedy
    return None


def _loopback(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _below(folder: Path, path: str) -> Path:
    return folder / Path(path).expanduser()


def _board(name: str, keys: dict[str, Any], groups: tuple[str, ...], folder: Path) -> BoardSpec:
    virtual = keys.get("virtual")
    python = keys.get("ansible_python_interpreter", "python3")
    key_file, known_hosts = keys.get("ansible_ssh_private_key_file"), keys.get("known_hosts")
    budget_mb = keys.get("memory_budget_mb")
    return BoardSpec(
        name=name,
        groups=groups,
        board_class=keys["board_class"],
        virtual=virtual,
        image=keys.get("image", "virtual" if virtual else keys["board_class"]),
        connection="ssh",
        host=keys.get("ansible_host", name),
        port=keys.get("ansible_port", 22),
        user=keys.get("ansible_user") or getpass.getuser(),
        key_file=str(Path(key_file).expanduser()) if key_file else None,
        host_key=keys.get("host_key"),
        known_hosts=str(_below(folder, known_hosts)) if known_hosts else None,
        python="python3" if python.startswith("auto") else python,  # auto, auto_silent: Ansible's own search
        root=keys.get("root", ".fedrack"),
        memory_budget_bytes=None if budget_mb is None else bytes_from_mib(budget_mb),
        server_address=keys.get("server_address", "127.0.0.1"),
        connect_timeout_s=keys.get("connect_timeout_s", 10.0),
        command_timeout_s=keys.get("command_timeout_s", 30.0),
        wanted=Wanted(**{name: keys[name] for name in ("power_mode", "governor", "lock_clocks") if name in keys}),
        observation=_observation(keys, virtual),
    )


def _observation(keys: dict[str, Any], virtual: str | None) -> Observation:
    """An embedded board has no sensors of its own: rest and coolness would be this machine's."""
    embedded = virtual == "embedded"
    return Observation(
        rate_hz=keys.get("sample_rate_hz", Observation.rate_hz),
        burst_hz=keys.get("burst_hz"),
        sidecars=tuple(keys.get("sidecars", () if embedded else BOARD_CLASSES[keys["board_class"]].sidecars)),
        sidecar_python=keys.get("sidecar_python"),
        meters=tuple(keys.get("meters", ())),
        idle_s=keys.get("idle_s", 0.0 if embedded else IDLE_S),
        cool_down_s=keys.get("cool_down_s", 0.0 if embedded else COOL_DOWN_S),
    )
