"""The inventory that a lab leaves for `bench`: the one it was made from, with the addresses and keys of its boards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from harness.keys import public_key
from harness.lab.lab import HOST_KEY, LOGIN_KEY
from harness.lab.plan import CONTROLLER, Lab, LabBoard
from harness.lab.rootfs import PYTHON
from harness.load.document import read_yaml

_HEAD = "# Written by `fedrack lab up`, removed by `fedrack lab down`. Works on this machine alone, as root.\n"


def write_inventory(lab: Lab, source: Path) -> None:
    """To the file named in the plan. A board's own keys win over those of its groups, so it gets all of them itself."""
    document = read_yaml(source)
    document["all"] = document.get("all") or {}
    hosts = document["all"]["hosts"] = document["all"].get("hosts") or {}
    for board in lab.boards:
        hosts[board.name] = {**(hosts.get(board.name) or {}), **_keys(lab, board)}
    path = Path(lab.inventory)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_HEAD + yaml.safe_dump(document, sort_keys=False))


def _keys(lab: Lab, board: LabBoard) -> dict[str, Any]:
    jtop = {"sidecar_python": board.jtop_python} if board.jtop_python else {}
    return {
        **jtop,
        "lab": lab.name,
        "ansible_host": board.address,
        "ansible_port": 22,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.folder / LOGIN_KEY),
        "ansible_python_interpreter": str(PYTHON),
        "host_key": public_key(board.folder / HOST_KEY),
        "server_address": str(CONTROLLER),
    }
