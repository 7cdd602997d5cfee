"""A lab from nothing to boards that take logins, and back to nothing.

Its folder is there before all else, and every name holds the lab's: `down` needs the name alone, and works after `up`
was killed at any moment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.board_classes import BOARD_CLASSES
from harness.emulated.cpu import STANDS_FOR
from harness.errors import FedRackError, UnknownName
from harness.inventory import BoardSpec
from harness.keys import write_key
from harness.lab import cgroups, kernel, needs, power, wire
from harness.lab.cgroups import Groups
from harness.lab.plan import MOST_BOARDS, STATE, Lab, LabBoard, known_labs, lab_namespace, read_plan, write_plan
from harness.lab.shapes import SHAPES

LEVELS = ("namespace", "emulated")  # of virtual boards that live in a lab
HOST_KEY, WRONG_HOST_KEY, LOGIN_KEY = "host_key", "wrong_host_key", "login_key"


def plan(name: str, inventory: Path, specs: Sequence[BoardSpec], jtop_python: str | None = None) -> Lab:
    """`jtop_python`: where the service of jetson-stats lies, for the Jetsons among the namespace boards.

    The lab for those of `specs` that live in one. Raises `FedRackError`."""
    specs = [spec for spec in specs if spec.virtual in LEVELS]
    if not specs:
        levels = " or ".join(f"`virtual: {level}`" for level in LEVELS)
        raise FedRackError("no boards for a lab", remedy=f"write {levels} in the inventory for `lab up`")
    if len(specs) > MOST_BOARDS:
        raise FedRackError(f"{len(specs)} boards in one lab", remedy=f"a lab holds {MOST_BOARDS} at most")
    for spec in specs:
        if spec.board_class not in SHAPES:
            raise UnknownName("class of board in a lab", spec.board_class, SHAPES)
    boards = tuple(
        LabBoard(
            lab=name,
            name=spec.name,
            number=number,
            board_class=spec.board_class,
            link=spec.link,
            emulated_cpu=STANDS_FOR[BOARD_CLASSES[spec.board_class].cpu] if spec.virtual == "emulated" else None,
            jtop_python=jtop_python if SHAPES[spec.board_class].release and spec.virtual == "namespace" else None,
        )
        for number, spec in enumerate(specs, 1)
    )
    return Lab(name=name, inventory=str(inventory.absolute()), boards=boards)


def claim(lab: Lab) -> None:
    """Takes the lab's name on this machine. Raises `FedRackError` where it is taken."""
    try:
        lab.folder.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        remedy = f"fedrack lab down --name {lab.name}"
        raise FedRackError(f"there is a lab {lab.name!r} already", remedy=remedy) from None


def up(lab: Lab, machine: Groups) -> None:
    """Makes it; returns when every board takes logins. Raises `FedRackError`, with what was made still there."""
    write_plan(lab)
    write_key(lab.folder / LOGIN_KEY)
    for board in lab.boards:
        board.panel.mkdir(parents=True)
        for name in (HOST_KEY, WRONG_HOST_KEY):
            write_key(board.folder / name)
        power.add_disk(board)
        machine.make(board.group, _limits(board))
        machine.make(board.system_group)
        machine.make(board.hardware_group)
    wire.lay(lab, machine)
    power.switch_on(lab.boards, machine)


def down(name: str) -> None:
    """Removes every trace, of a whole lab or of what there is of one."""
    machine = needs.require()
    lab, folder = read_plan(name), STATE / name
    if not folder.exists():
        raise UnknownName("lab", name, known_labs())
    cgroups.kill(machine, lab_namespace(name))
    cgroups.remove(machine, lab_namespace(name))
    wire.remove(name)
    for mounted in _mounts_below(folder):
        kernel.unmount(mounted)
    if lab is not None:
        Path(lab.inventory).unlink(missing_ok=True)
    shutil.rmtree(folder)
    if not known_labs():
        STATE.rmdir()


def _limits(board: LabBoard) -> cgroups.Limits:
    """Cores side by side where the machine has enough of them."""
    machine_cpus = sorted(os.sched_getaffinity(0))
    first = (board.number - 1) * board.facts.cores
    mine = {machine_cpus[(first + core) % len(machine_cpus)] for core in range(board.facts.cores)}
    return cgroups.Limits(
        memory_bytes=board.facts.memory_bytes,
        cpus=board.quota_cpus(len(machine_cpus)),
        allowed=",".join(map(str, sorted(mine))),
    )


def _mounts_below(folder: Path) -> list[str]:
    """The innermost first."""
    targets = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return sorted((target for target in targets if target.startswith(f"{folder}/")), reverse=True)
