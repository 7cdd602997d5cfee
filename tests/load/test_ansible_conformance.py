"""Our reading of an inventory beside Ansible's own: the same groups, hosts, variables, and hosts of a pattern."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UnknownName
from harness.load import load_inventory
from harness.load.inventory import read_tree

FOLDER = Path(__file__).parent / "ansible"
INVENTORIES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("*/hosts.*"))
PATTERNS = [
    "all", "jetson-nano", "jetson-nano:!nano-03", "jetson:&night", "night,!pi-b", "pi-*",
    "*nano*:!night", "~nano-0[12]",
    "jetson-nano[0]", "jetson-nano[1:2]", "jetson-nano[-1]", "nano-0?:pi-a", "&night:jetson", "!jetson", "ungrouped",
]  # fmt: skip


@pytest.fixture(scope="module")
def ansible() -> str:
    program = shutil.which("ansible-inventory", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("ansible-inventory is not installed (pip install ansible-core)")
    return program


def ask(program: str, inventory: Path, *options: str) -> dict[str, Any]:
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    command = [program, "-i", inventory, "--list", *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def hosts_below(listing: dict[str, Any], group: str) -> set[str]:
    about = listing.get(group, {})
    return set(about.get("hosts", ())).union(*(hosts_below(listing, child) for child in about.get("children", ())))


@pytest.mark.parametrize("name", INVENTORIES)
def test_groups_hosts_and_variables_are_ansibles(ansible: str, name: str) -> None:
    listing = ask(ansible, FOLDER / name)
    tree = read_tree(FOLDER / name)
    depth = tree.order()
    hostvars = listing["_meta"]["hostvars"]
    assert {host: tree.values_of(host, depth) for host in tree.hosts if tree.values_of(host, depth)} == hostvars
    ours = {group: set(hosts) for group, hosts in load_inventory(FOLDER / name).groups.items() if hosts}
    theirs = {group: hosts_below(listing, group) for group in listing if group != "_meta"}
    assert ours == {group: hosts for group, hosts in theirs.items() if hosts}
    parents = {(parent, child) for parent in listing for child in listing[parent].get("children", ())}
    assert {(p, g) for g in tree.groups for p in tree.groups[g].parents} == {e for e in parents if e[1] != "ungrouped"}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_name_the_hosts_that_limit_names(ansible: str, pattern: str) -> None:
    limited = hosts_below(ask(ansible, FOLDER / "rack/hosts.yaml", "--limit", pattern), "all")
    assert {board.name for board in load_inventory(FOLDER / "rack/hosts.yaml").select(pattern)} == limited


@pytest.mark.parametrize(
    ("pattern", "unknown", "remedy"),
    [
        ("jetson-nano:!nano-33", "nano-33", "did you mean 'nano-03'"),  # Ansible would only warn, and run nano-03
        ("jetson-nano:&phone", "phone", "known: "),
        ("empty", "empty", "known: "),
        ("jetson-nano:!jetson", "jetson-nano:!jetson", "known: "),
        ("pi-[", "pi-", "did you mean 'pi-c'"),
        ("~[", "~[", "an expression after ~"),
        (" ", " ", "known: "),
    ],
)
def test_what_matches_nothing_is_an_error(pattern: str, unknown: str, remedy: str) -> None:
    with pytest.raises(UnknownName) as caught:
        load_inventory(FOLDER / "rack/hosts.yaml").select(pattern)
    assert unknown in caught.value.message
    assert remedy in caught.value.remedy
