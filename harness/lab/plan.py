"""A lab as data: its boards, and the name of everything that it makes on the machine. No I/O but the plan's own file.

Every name holds the lab's: whoever knows the name finds all that is left of the lab, however it ended.
"""

from __future__ import annotations

import ipaddress
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.board_classes import BOARD_CLASSES, BoardClass
from harness.errors import UnknownName
from harness.inventory import Link
from harness.lab.shapes import SHAPES

STATE = Path("/run/fedrack")  # as short-lived as the kernel objects that it speaks of
# RFC 2544 reserves 198.18.0.0/15 for tests of network devices: nobody's machine has such an address.
PREFIX = ipaddress.ip_network("198.18.0.0/24")
CONTROLLER = PREFIX[1]
MOST_BOARDS = PREFIX.num_addresses - 3  # without network, controller and broadcast
DISK_BYTES = 2 * 1024**3  # OURS: room for code, data sets and a few environments
SYSTEM_GROUP = "system"  # as the board sees it
_PLAN = "lab.json"
# What a lab and a board's init tell each other, in the board's panel folder:
FAULTS_FILE = "faults.json"  # kinds of faults that are on: a list
READY_FILE = "ready.json"  # there once sshd listens: the kinds that init follows now


@dataclass(frozen=True, kw_only=True)
class LabBoard:
    """One board of a lab; `number` counts from 1."""

    lab: str
    name: str
    number: int
    board_class: str
    link: Link | None
    emulated_cpu: str | None  # qemu's name; None: its programs run on this machine's own
    jtop_python: str | None  # the interpreter that runs jetson-stats' service there

    @property
    def facts(self) -> BoardClass:
        return BOARD_CLASSES[self.board_class]

    def quota_cpus(self, machine_cpus: int) -> float:
        """Cores of a machine with `machine_cpus` that it may use up."""
        return min(self.facts.cores * SHAPES[self.board_class].core_share, float(machine_cpus))

    @property
    def address(self) -> str:
        return str(PREFIX[self.number + 1])

    @property
    def namespace(self) -> str:
        """Of its network. A lab's name has no dot, so that no other lab's can begin like this."""
        return f"{lab_namespace(self.lab)}.{self.number}"

    @property
    def port(self) -> str:
        """The bridge's end of its wire."""
        return f"port{self.number}"

    @property
    def group(self) -> str:
        """Its cgroup, below the hierarchy's root."""
        return f"{lab_namespace(self.lab)}/boards/{self.name}"

    @property
    def system_group(self) -> str:
        """Where its programs start; version 2 wants the group above free of processes, to divide it further."""
        return f"{self.group}/{SYSTEM_GROUP}"

    @property
    def hardware_group(self) -> str:
        """Of its init, which plays its kernel and its sensors."""
        return f"{lab_namespace(self.lab)}/hardware/{self.name}"

    @property
    def wire_group(self) -> str:
        """Of the programs that play its wire: they go on while the board is frozen or without power."""
        return f"{lab_namespace(self.lab)}/wires/{self.name}"

    @property
    def hand_group(self) -> str:
        """Of the hand that plugs and unplugs it."""
        return f"{lab_namespace(self.lab)}/hands/{self.name}"

    @property
    def folder(self) -> Path:
        return STATE / self.lab / "boards" / self.name

    @property
    def disk(self) -> Path:
        return self.folder / "disk"

    @property
    def panel(self) -> Path:
        """The folder through which the lab and the board's init speak: wanted faults in, readiness out."""
        return self.folder / "panel"


@dataclass(frozen=True, kw_only=True)
class Lab:
    """All of a lab. `inventory` is the file written for it."""

    name: str
    inventory: str
    boards: tuple[LabBoard, ...]

    def board(self, name: str) -> LabBoard:
        """Raises `UnknownName`."""
        by_name = {board.name: board for board in self.boards}
        if name not in by_name:
            raise UnknownName(f"board of lab {self.name!r}", name, by_name)
        return by_name[name]

    @property
    def namespace(self) -> str:
        return lab_namespace(self.name)

    @property
    def folder(self) -> Path:
        return STATE / self.name


def lab_namespace(name: str) -> str:
    """The network namespace with the bridge, where the controller works; also the lab's cgroup."""
    return f"fedrack-{name}"


def write_plan(lab: Lab) -> None:
    (lab.folder / _PLAN).write_text(json.dumps(asdict(lab), indent=1) + "\n")


def read_plan(name: str) -> Lab | None:
    """None: there is no such lab, or it was cut off before it had one."""
    try:
        raw = json.loads((STATE / name / _PLAN).read_text())
    except (FileNotFoundError, ValueError):
        return None
    boards = [{**board, "link": Link(**board["link"]) if board["link"] else None} for board in raw["boards"]]
    return Lab(name=raw["name"], inventory=raw["inventory"], boards=tuple(LabBoard(**board) for board in boards))


def known_labs() -> list[str]:
    return sorted(path.name for path in STATE.glob("*") if path.is_dir())
