"""Memory cgroups of both versions: find a place where a group may be made, make it, read it, remove it.

A group is made as near as possible to the agent's own (own group, its parent, ... the hierarchy's root), so that a
limit around the agent, such as that of a virtual board, holds for the worker too. In version 2 the agent's own group
never works unless it is the root (a group with processes may not enable controllers for its children), hence the walk.
"""

import os
from typing import Iterator, List, NamedTuple, Optional, Tuple

MOUNT = "sys/fs/cgroup"


class Version(NamedTuple):
    kind: str
    limit: str
    swap: str
    peak: str
    events: str
    whole: str


V2 = Version("v2", "memory.max", "memory.swap.max", "memory.peak", "memory.events", "memory.oom.group")
V1 = Version(
    "v1", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.oom_control", ""
)


class Group:
    """One memory cgroup of ours."""

    def __init__(self, version: Version, path: str, shown: str) -> None:
        self.version = version
        self.path = path
        self.shown = shown  # the path within the hierarchy, for sentences

    def limit(self, limit_bytes: int) -> str:
        """Set the limit; answers what became of swap, which would otherwise take what the limit refuses."""
        write(os.path.join(self.path, self.version.limit), str(limit_bytes))
        if self.version.whole:  # a tree that lost one process to the OOM killer is of no use
            try:
                write(os.path.join(self.path, self.version.whole), "1")
            except OSError:
                pass
        # v1 limits memory and swap together, v2 swap alone
        swap = "0" if self.version is V2 else str(limit_bytes)
        try:
            write(os.path.join(self.path, self.version.swap), swap)
            return "swap off"
        except OSError:
            return f"swap not limited: no {self.version.swap}"

    def enter(self) -> None:
        """Move the calling process in; done between fork and exec, so that nothing escapes."""
        write(os.path.join(self.path, "cgroup.procs"), str(os.getpid()))

    def members(self) -> List[int]:
        # Opened anew each time: version 1 serves a cached list to a descriptor that stays open.
        try:
            with open(os.path.join(self.path, "cgroup.procs"), "rb") as stream:
                return [int(pid) for pid in stream.read().split()]
        except (OSError, ValueError):
            return []

    def peak_bytes(self) -> Optional[int]:
        """Highest charge so far; None where the kernel keeps none (memory.peak came with Linux 5.19)."""
        text = _read(os.path.join(self.path, self.version.peak)).strip()
        return int(text) if text.isdigit() else None

    def oom_kills(self) -> Optional[int]:
        for line in _read(os.path.join(self.path, self.version.events)).splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill" and value.isdigit():
                return int(value)
        return None

    def remove(self) -> bool:
        """The kernel itself refuses while processes are inside."""
        try:
            os.rmdir(self.path)
            return True
        except FileNotFoundError:
            return True
        except OSError:
            return False


def make(name: str, root: str) -> Tuple[Optional[Group], str]:
    """A new group, or None and why not."""
    refusal = f"no memory controller in {root}{MOUNT}"
    for version, home, shown in _homes(root):
        path = os.path.join(home, name)
        try:
            if version is V2:
                _enable_for_children(home)
            os.mkdir(path)
            return Group(version, path, os.path.join(shown, name)), ""
        except OSError as error:
            refusal = f"cgroup {version.kind} refused: {error}"
    return None, refusal


def probe(name: str, root: str) -> str:
    """v2, v1 or none: tried, not guessed."""
    group, _ = make(name, root)
    if group is None:
        return "none"
    group.remove()
    return group.version.kind


def sweep(prefix: str, root: str) -> List[str]:
    """Remove the empty groups that a dead agent left; answers those that live on, with processes in them."""
    left = []
    for mount in (os.path.join(root, MOUNT, "memory"), os.path.join(root, MOUNT)):
        if os.path.exists(os.path.join(mount, "cgroup.procs")):
            for folder, children, _ in os.walk(mount):
                for name in [child for child in children if child.startswith(prefix)]:
                    children.remove(name)
                    try:
                        os.rmdir(os.path.join(folder, name))
                    except OSError:
                        left.append(name)
    return left


def _homes(root: str) -> Iterator[Tuple[Version, str, str]]:
    """Folders that may take a group, nearest first, version 2 before 1."""
    for version, mount in ((V2, os.path.join(root, MOUNT)), (V1, os.path.join(root, MOUNT, "memory"))):
        controllers = _read(os.path.join(mount, "cgroup.controllers")).split()
        if "memory" in controllers if version is V2 else os.path.exists(os.path.join(mount, V1.limit)):
            own = _own_path(version, root)
            while True:
                folder = os.path.join(mount, own.strip("/"))
                if os.path.isdir(folder):  # in a container the path may speak of the host's tree
                    yield version, folder, own
                if own == "/":
                    break
                own = os.path.dirname(own)


def _own_path(version: Version, root: str) -> str:
    for line in _read(os.path.join(root, "proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        wanted = not controllers if version is V2 else "memory" in controllers.split(",")
        if wanted and path.startswith("/") and ".." not in path:
            return path
    return "/"


def _enable_for_children(home: str) -> None:
    control = os.path.join(home, "cgroup.subtree_control")
    if "memory" not in _read(control).split():
        write(control, "+memory")


def write(path: str, text: str) -> None:
    with open(path, "w") as stream:
        stream.write(text)


def _read(path: str) -> str:
    try:
        with open(path) as stream:
            return stream.read()
    except OSError:
        return ""
