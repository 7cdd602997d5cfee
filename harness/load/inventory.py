"""Ansible's inventories as boards: what the files say of each host, checked, with our defaults filled in."""

from __future__ import annotations

import getpass
import ipaddress
from pathlib import Path
from typing import Any

import paramiko

from harness.board_classes import BOARD_CLASSES
from harness.errors import BadInput, Problem
from harness.inventory import BoardSpec, Inventory, Jump, Link, Observation, Wanted
from harness.load.fields import BAD
from harness.load.inventory_ini import read_ini_inventory
from harness.load.inventory_yaml import read_yaml_inventory
from harness.load.ssh_config import SshConfig
from harness.load.tree import Tree
from harness.load.vars_files import read_vars_files
from harness.meters import below, outlet, parse_meter
from harness.units import bytes_from_mib, mib

IDLE_S = 10.0  # at rest before and after each cell, on boards that have a power of their own
COOL_DOWN_S = 120.0
NATIVE = ("embedded", "namespace")  # levels whose programs run on this machine's own CPU
LOOPBACK = "127.0.0.1"


def load_inventory(path: str | Path) -> Inventory:
    """The inventory in a file of Ansible's, YAML or INI by its suffix. Raises `BadInput` with every mistake in it."""
    path = Path(path)
    tree = read_tree(path)
    depth = tree.order()
    merged = {name: tree.keys_of(name, depth) for name in tree.hosts}
    problems = [*tree.problems, *_mistakes(merged, tree, path.parent)]
    if problems:
        raise BadInput(str(path), list(dict.fromkeys(problems)))
    ssh = _ssh_config()
    boards = tuple(
        _board(name, keys, tree.groups_of(tree.hosts[name], depth), path.parent, ssh) for name, keys in merged.items()
    )
    names = {group: tuple(b.name for b in boards if group in ("all", *b.groups)) for group in ("all", *tree.groups)}
    if any("ungrouped" in board.groups for board in boards):
        names["ungrouped"] = tuple(board.name for board in boards if "ungrouped" in board.groups)
    return Inventory(source=str(path), boards=boards, groups=names)


def _ssh_config() -> SshConfig:
    try:
        return SshConfig()
    except (OSError, ValueError, paramiko.ConfigParseError) as error:
        remedy = "correct the file, or try `ssh -G HOST`"
        raise BadInput("~/.ssh/config", [Problem(path="file", what=str(error), remedy=remedy)]) from None


def read_tree(path: Path) -> Tree:
    """The inventory before anything is checked that only shows once groups and hosts are put together."""
    tree = Tree()
    read = read_yaml_inventory if path.suffix in (".yaml", ".yml", ".json") else read_ini_inventory
    read(path, tree)
    read_vars_files(path.parent, tree)
    return tree


def _mistakes(merged: dict[str, dict[str, Any]], tree: Tree, folder: Path) -> list[Problem]:
    """What only shows once groups and hosts are put together."""
    found: list[Problem] = []
    addresses: dict[tuple[Any, Any], str] = {}
    outlets: dict[str, str] = {}

    def mistake(name: str, what: str, remedy: str) -> None:
        found.append(Problem(path=tree.hosts[name].path, what=what, remedy=remedy))

    for name, keys in merged.items():
        if name in tree.groups:
            mistake(name, f"{name!r} names a group and a board", "give one of them another name")
        if "board_class" not in keys:
            mistake(name, "no board_class", "write `board_class: jetson-nano` here or in the group's vars")
        if keys.get("meters", BAD) is not BAD:
            for number, text in enumerate(keys["meters"]):
                path = f"{tree.hosts[name].path}.meters[{number}]"
                parsed, problems = parse_meter(text, path)
                found += problems
                if parsed and (owner := outlets.setdefault(outlet(parsed), name)) != name:
                    remedy = "give each board a meter or a channel of its own"
                    found.append(Problem(path=path, what=f"{name} has the same meter as {owner}", remedy=remedy))
        if problem := _budget_mistake(keys):
            mistake(name, *problem)
        if keys.get("reverse_tunnel") and keys.get("ansible_connection", "ssh") != "ssh":
            mistake(name, "reverse_tunnel: only an SSH connection can carry it", "remove it, or ansible_connection")
        if "virtual" in keys:
            continue
        if not keys.get("reverse_tunnel") and (problem := _server_address_mistake(keys)):
            mistake(name, *problem)
        pins = keys.get("known_hosts")
        if isinstance(pins, str) and not _below(folder, pins).is_file():
            mistake(name, f"known_hosts: there is no file {pins}", "write a path relative to the inventory's folder")
        address = (keys.get("ansible_host", name), keys.get("ansible_port", 22))
        if BAD not in address and addresses.setdefault(address, name) != name:
            what = f"{name} has the same address as {addresses[address]}, {address[0]}:{address[1]}"
            mistake(name, what, "give each board its own ansible_host or ansible_port")
    if not merged and not tree.problems:
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


def _budget_mistake(keys: dict[str, Any]) -> tuple[str, str] | None:
    budget_mb, board_class = keys.get("memory_budget_mb"), BOARD_CLASSES.get(keys.get("board_class", ""))
    if not isinstance(budget_mb, int) or board_class is None or board_class.largest_bytes is None:
        return None
    if bytes_from_mib(budget_mb) <= board_class.largest_bytes:
        return None
    largest_mb = round(mib(board_class.largest_bytes))
    what = f"memory_budget_mb {budget_mb} is above the board's memory: {keys['board_class']} has {largest_mb} at most"
    return what, "leave the system its share: half of the board's memory is a good begin"


def _loopback(address: Any) -> bool:
    if not isinstance(address, str):
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _below(folder: Path, path: str) -> Path:
    return folder / Path(path).expanduser()


def _board(name: str, keys: dict[str, Any], groups: tuple[str, ...], folder: Path, ssh: SshConfig) -> BoardSpec:
    virtual, connection = keys.get("virtual"), keys.get("ansible_connection", "ssh")
    jumps: tuple[Jump, ...] = ()
    if virtual is None and connection == "ssh":
        alias = keys.get("ansible_host", name)
        keys = {**ssh.keys(alias), **{key: value for key, value in keys.items() if key != "ansible_host"}}
        jumps = ssh.jumps(alias, getpass.getuser())
    python = keys.get("ansible_python_interpreter", "python3")
    key_file, known_hosts = keys.get("ansible_ssh_private_key_file"), keys.get("known_hosts")
    budget_mb = keys.get("memory_budget_mb")
    return BoardSpec(
        name=name,
        groups=groups,
        board_class=keys["board_class"],
        virtual=virtual,
        image=keys.get("image", "virtual" if virtual in NATIVE else BOARD_CLASSES[keys["board_class"]].image),
        connection=connection,
        host=keys.get("ansible_host", name),
        port=keys.get("ansible_port", 22),
        user=keys.get("ansible_user") or getpass.getuser(),
        key_file=str(Path(key_file).expanduser()) if key_file else None,
        host_key=keys.get("host_key"),
        known_hosts=str(_below(folder, known_hosts)) if known_hosts else None,
        jumps=jumps,
        python="python3" if python.startswith("auto") else python,  # auto, auto_silent: Ansible's own search
        root=keys.get("root", ".fedrack"),
        memory_budget_bytes=None if budget_mb is None else bytes_from_mib(budget_mb),
        server_address=LOOPBACK if keys.get("reverse_tunnel") else keys.get("server_address", LOOPBACK),
        connect_timeout_s=keys.get("connect_timeout_s", 10.0),
        command_timeout_s=keys.get("command_timeout_s", 30.0),
        wanted=Wanted(**{name: keys[name] for name in ("power_mode", "governor", "lock_clocks") if name in keys}),
        observation=_observation(keys, virtual, folder),
        lab=keys.get("lab"),
        link=_link(keys["link"]) if "link" in keys else None,
        faults=tuple(keys.get("faults", ())),
        reverse_tunnel=keys.get("reverse_tunnel", False),
    )


def _link(keys: dict[str, float | None]) -> Link:
    return Link(**{key: value for key, value in keys.items() if value is not None})


def _observation(keys: dict[str, Any], virtual: str | None, folder: Path) -> Observation:
    """An embedded board has no sensors of its own: rest and coolness would be this machine's."""
    embedded = virtual == "embedded"
    return Observation(
        rate_hz=keys.get("sample_rate_hz", Observation.rate_hz),
        burst_hz=keys.get("burst_hz"),
        sidecars=tuple(keys.get("sidecars", () if embedded else BOARD_CLASSES[keys["board_class"]].sidecars)),
        sidecar_python=keys.get("sidecar_python"),
        meters=tuple(below(folder, text) for text in keys.get("meters", ())),
        idle_s=keys.get("idle_s", 0.0 if embedded else IDLE_S),
        cool_down_s=keys.get("cool_down_s", 0.0 if embedded else COOL_DOWN_S),
    )
