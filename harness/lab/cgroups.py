"""What a lab wants of cgroups, whichever version the machine has. Groups are named by their path below the root.

`/sys/fs/cgroup` with version 2 carries all controllers in one tree; with version 1 there is a tree for each. A machine
with both (hybrid) has its memory controller in only one of them, and that one is used.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

MOUNT = Path("/sys/fs/cgroup")
PERIOD_US = 10_000  # of the CPU quota: short, so that a board runs slowly and not in jerks
_KILL_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    memory_bytes: int
    cpus: float  # how many of the machine's cores it may use up
    allowed: str  # which ones, as the kernel writes lists


class Groups(Protocol):
    def make(self, group: str, limits: Limits | None = None) -> None:
        """The group, with those above it."""

    def enter(self, group: str) -> None:
        """Moves the calling process there."""

    def limit_memory(self, group: str, limit_bytes: int) -> None: ...

    def freeze(self, group: str, frozen: bool) -> None: ...

    def cpu_used_s(self, group: str) -> float: ...

    def memory_used_bytes(self, group: str) -> int: ...

    def memory_stat(self, group: str) -> str:
        """Text of the memory controller's own account, in `name value` lines."""

    def views(self, group: str) -> Iterable[tuple[Path, str]]:
        """(folder of the group, where a board sees it below /sys/fs/cgroup): to itself a board is the root."""

    def trees(self, group: str) -> Iterable[Path]:
        """The group's folders, one for each hierarchy, whether they are there or not."""


class GroupsV1:
    """A tree for each controller."""

    _CONTROLLERS = ("memory", "cpu", "cpuacct", "cpuset", "pids", "freezer")

    def __init__(self, mount: Path = MOUNT) -> None:
        self._mount = mount

    def make(self, group: str, limits: Limits | None = None) -> None:
        path = Path()
        for part in Path(group).parts:
            path /= part
            for controller in self._CONTROLLERS:
                (self._mount / controller / path).mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group, and nothing runs in one without
                above = (self._mount / "cpuset" / path.parent / name).read_text()
                (self._mount / "cpuset" / path / name).write_text(above)
        if limits is not None:
            self.limit_memory(group, limits.memory_bytes)
            self._write("cpu", group, "cpu.cfs_period_us", PERIOD_US)
            self._write("cpu", group, "cpu.cfs_quota_us", int(limits.cpus * PERIOD_US))
            self._write("cpuset", group, "cpuset.cpus", limits.allowed)

    def enter(self, group: str) -> None:
        for controller in self._CONTROLLERS:
            self._write(controller, group, "cgroup.procs", os.getpid())

    def limit_memory(self, group: str, limit_bytes: int) -> None:
        self._write("memory", group, "memory.limit_in_bytes", limit_bytes)

    def freeze(self, group: str, frozen: bool) -> None:
        self._write("freezer", group, "freezer.state", "FROZEN" if frozen else "THAWED")

    def cpu_used_s(self, group: str) -> float:
        return int(self._read("cpuacct", group, "cpuacct.usage")) * 1e-9

    def memory_used_bytes(self, group: str) -> int:
        return int(self._read("memory", group, "memory.usage_in_bytes"))

    def memory_stat(self, group: str) -> str:
        # The plain names count this group alone, those with total_ also the groups below it.
        lines = self._read("memory", group, "memory.stat").splitlines()
        return "\n".join(line.removeprefix("total_") for line in lines if line.startswith("total_"))

    def views(self, group: str) -> Iterable[tuple[Path, str]]:
        return [(self._mount / name / group, name) for name in self._CONTROLLERS]

    def trees(self, group: str) -> Iterable[Path]:
        return [self._mount / name / group for name in self._CONTROLLERS]

    def _write(self, controller: str, group: str, name: str, value: object) -> None:
        (self._mount / controller / group / name).write_text(str(value))

    def _read(self, controller: str, group: str, name: str) -> str:
        return (self._mount / controller / group / name).read_text()


class GroupsV2:
    """One tree."""

    _CONTROLLERS = "+memory +cpu +cpuset +pids"

    def __init__(self, mount: Path = MOUNT) -> None:
        self._mount = mount

    def make(self, group: str, limits: Limits | None = None) -> None:
        path = self._mount
        for part in Path(group).parts:
            (path / "cgroup.subtree_control").write_text(self._CONTROLLERS)
            path /= part
            path.mkdir(exist_ok=True)
        if limits is not None:
            self.limit_memory(group, limits.memory_bytes)
            self._write(group, "cpu.max", f"{int(limits.cpus * PERIOD_US)} {PERIOD_US}")
            self._write(group, "cpuset.cpus", limits.allowed)

    def enter(self, group: str) -> None:
        self._write(group, "cgroup.procs", os.getpid())

    def limit_memory(self, group: str, limit_bytes: int) -> None:
        self._write(group, "memory.max", limit_bytes)

    def freeze(self, group: str, frozen: bool) -> None:
        self._write(group, "cgroup.freeze", int(frozen))

    def cpu_used_s(self, group: str) -> float:
        words = dict(line.split() for line in self._read(group, "cpu.stat").splitlines())
        return int(words["usage_usec"]) * 1e-6

    def memory_used_bytes(self, group: str) -> int:
        return int(self._read(group, "memory.current"))

    def memory_stat(self, group: str) -> str:
        return self._read(group, "memory.stat")

    def views(self, group: str) -> Iterable[tuple[Path, str]]:
        return [(self._mount / group, ".")]

    def trees(self, group: str) -> Iterable[Path]:
        return [self._mount / group]

    def _write(self, group: str, name: str, value: object) -> None:
        (self._mount / group / name).write_text(str(value))

    def _read(self, group: str, name: str) -> str:
        return (self._mount / group / name).read_text()


def groups(mount: Path = MOUNT) -> Groups | None:
    """None: the machine has no memory controller where it is looked for."""
    if (mount / "memory" / "memory.limit_in_bytes").exists():
        return GroupsV1(mount)
    controllers = mount / "cgroup.controllers"
    return GroupsV2(mount) if controllers.exists() and "memory" in controllers.read_text().split() else None


def members(trees: Iterable[Path]) -> set[int]:
    """Processes in these groups and those below them."""
    found: set[int] = set()
    for tree in trees:
        for file in tree.rglob("cgroup.procs"):
            try:
                found.update(map(int, file.read_text().split()))
            except OSError:  # the group was removed meanwhile
                continue
    return found


def start_in(
    made: Groups, group: str, command: Sequence[str], console: IO[bytes] | int | None
) -> subprocess.Popen[bytes]:
    """A program that is in the group before it begins. `console`: None is our own."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=console,
        start_new_session=True,
        preexec_fn=lambda: made.enter(group),
    )


def leave_in(made: Groups, group: str, command: Sequence[str]) -> None:
    """A program that stays in the group, as nobody's child, until the group is killed."""
    with start_in(made, group, ["setsid", "--fork", *command], subprocess.DEVNULL) as starter:
        if starter.wait() != 0:
            raise OSError(f"`{command[0]}` could not be started in {group}")


def kill(made: Groups, group: str) -> None:
    """Ends every process in the group and below, frozen ones too: they die once thawed."""
    if not any(tree.is_dir() for tree in made.trees(group)):
        return
    deadline_s = time.monotonic() + _KILL_S
    while pids := members(made.trees(group)):
        if time.monotonic() > deadline_s:
            raise OSError(f"processes {sorted(pids)} of {group} do not end")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _thaw(made.trees(group))
        time.sleep(0.01)


def _thaw(trees: Iterable[Path]) -> None:
    for tree in trees:
        for name, value in (("freezer.state", "THAWED"), ("cgroup.freeze", "0")):
            for file in tree.rglob(name):
                file.write_text(value)


def remove(made: Groups, group: str) -> None:
    """The group and those below it, empty of processes. One that is not there is as good as removed."""
    for tree in made.trees(group):
        for folder in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        if tree.is_dir():
            tree.rmdir()
