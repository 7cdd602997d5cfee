"""What a board sees as /: the machine's files, of which it may write what it likes, for it writes them on its own disk.

An overlay above the machine's root, with a /proc, /sys and /run of its own. Called in the board's namespaces,
by its init, as root. The disk is a tmpfs of a fixed size that outlives a reboot.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path

import harness
from harness.emulated.debian import debian
from harness.lab import jtop, kernel, sysfs
from harness.lab.false_clock import ORDERS
from harness.lab.plan import STATE, LabBoard
from harness.lab.shapes import SHAPES, Shape

PANEL = Path("/run/board/panel")
HOST_KEY, WRONG_HOST_KEY = Path("/run/board/host_key"), Path("/run/board/wrong_host_key")
LOGIN_KEY = Path("/run/board/login_key.pub")
PMIC = Path("/run/board/pmic")  # what the firmware of a Raspberry Pi 5 would answer
PROC = Path("/run/board/proc")
PYTHON = Path("/usr/local/bin/board-python")  # as logins see it
ARM64 = Path("/arm64")  # where the root of an emulated board's logins lies for its init
HOME = Path("/home/board")  # not the machine's /root, whose files the board sees too
# Our name for each -> the kernel's.
_PROC_FILES = {
    **{name: name for name in ("meminfo", "stat", "cpuinfo", "swaps")},
    "boot_id": "sys/kernel/random/boot_id",
}
_NO_SWAPS = "Filename\tType\tSize\tUsed\tPriority\n"  # or provisioning a board would switch off the machine's
_STAND_INS = Path(__file__).parent / "stand_ins"
_LXCFS_MEMINFO = Path("/var/lib/lxcfs/proc/meminfo")


def enter(board: LabBoard, group_views: Iterable[tuple[Path, str]]) -> None:
    """Builds the board's root and moves into it, for good."""
    shape = SHAPES[board.board_class]
    new = board.folder / "root"
    new.mkdir(exist_ok=True)
    for name in ("upper", "work"):
        (board.disk / name).mkdir(exist_ok=True)
    kernel.mount("none", "/", "none", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    layers = f"lowerdir=/,upperdir={board.disk}/upper,workdir={board.disk}/work"
    kernel.mount("overlay", str(new), "overlay", layers)
    for folder in _elsewhere():
        kernel.bind(folder, f"{new}{folder}")
    kernel.mount("proc", f"{new}/proc", "proc")
    kernel.bind("/dev", f"{new}/dev")
    for folder in ("dev/shm", "run", "sys"):
        kernel.mount("tmpfs", f"{new}/{folder}", "tmpfs")
    plant(shape, board.facts.cores, new / "sys")
    _bind_groups(group_views, new / "sys/fs/cgroup")
    if board.emulated_cpu:
        _lay_arm64(board, _below(new, ARM64))
    _furnish(board, shape, new)
    if board.emulated_cpu:
        for name in ("proc", "sys", "dev", "run"):
            kernel.bind(str(new / name), str(_below(new, ARM64) / name))
    kernel.change_root(str(new))


def login_root(board: LabBoard) -> Path:
    """What logins have as their root: an emulated board's sshd is this machine's, and all that it starts is arm64."""
    return ARM64 if board.emulated_cpu else Path("/")


def show_python(board: LabBoard, there: bool) -> None:
    """The interpreter that the inventory names, there or not."""
    python = _below(login_root(board), PYTHON)
    away = python.with_suffix(".away")
    now, then = (away, python) if there else (python, away)
    if now.exists():
        now.rename(then)


def _lay_arm64(board: LabBoard, root: Path) -> None:
    """The arm64 system, which the board may change for itself alone."""
    upper, work = (board.disk / f"arm64-{name}" for name in ("upper", "work"))
    for folder in (upper, work, root):
        folder.mkdir(exist_ok=True)
    layers = f"lowerdir={debian().system},upperdir={upper},workdir={work}"
    kernel.mount("overlay", str(root), "overlay", layers)


def _elsewhere() -> set[str]:
    """Where the interpreter and this package lie, if not on the root's own file system: the overlay has only that."""
    needed = {sys.prefix, sys.base_prefix, str(Path(harness.__file__).parents[1])}
    return {folder for folder in needed if os.stat(folder).st_dev != os.stat("/").st_dev}


def plant(shape: Shape, cores: int, root: Path) -> None:
    """The part of /sys that does not change, below `root`."""
    for name, text in sysfs.static(shape, cores).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Texts of the device tree end in NUL, without a newline; some readers find no GPU otherwise.
        path.write_text(text if text.endswith("\0") else f"{text}\n")
    for name, target in sysfs.links(shape).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)


def _bind_groups(views: Iterable[tuple[Path, str]], mount: Path) -> None:
    for folder, name in views:
        (mount / name).mkdir(parents=True, exist_ok=True)
        kernel.bind(str(folder), str(mount / name))


def _furnish(board: LabBoard, shape: Shape, new: Path) -> None:
    """Keys, texts, tools and names."""
    _below(new, PANEL).mkdir(parents=True)
    kernel.bind(str(board.panel), str(_below(new, PANEL)))
    for key in (HOST_KEY, WRONG_HOST_KEY):
        _below(new, key).write_bytes((board.folder / key.name).read_bytes())
        _below(new, key).chmod(0o600)
    _below(new, LOGIN_KEY).write_bytes((STATE / board.lab / LOGIN_KEY.name).read_bytes())
    _show_proc(new)
    seen = _below(new, login_root(board))
    for root in {new, seen}:  # sshd reads the first, logins the second
        _give_home(root)
    _below(seen, HOME).mkdir(mode=0o700, parents=True, exist_ok=True)
    (seen / "etc/hostname").write_text(board.name + "\n")
    python = "/usr/bin/python3" if board.emulated_cpu else sys.executable
    _program(_below(seen, PYTHON), f'#!/bin/sh\n[ -r {ORDERS} ] && . {ORDERS}\nexec {python} "$@"\n')
    _give_tools(board, shape, seen)


def _show_proc(new: Path) -> None:
    """Files of our own over those of the machine's kernel; init writes what changes."""
    _below(new, PROC).mkdir()
    for name, shown in _PROC_FILES.items():
        _below(new, PROC / name).touch()
        live = name == "meminfo" and _LXCFS_MEMINFO.exists()
        kernel.bind(str(_LXCFS_MEMINFO if live else _below(new, PROC / name)), f"{new}/proc/{shown}")
    _below(new, PROC / "swaps").write_text(_NO_SWAPS)
    _below(new, PROC / "boot_id").write_text(f"{uuid.uuid4()}\n")


def _give_home(root: Path) -> None:
    passwd = (root / "etc/passwd").read_text()
    passwd = re.sub(r"(?m)^(root(?::[^:]*){4}):[^:]*:[^:]*$", rf"\1:{HOME}:/bin/sh", passwd)
    (root / "etc/passwd").write_text(passwd)


def _give_tools(board: LabBoard, shape: Shape, seen: Path) -> None:
    """What the maker of the board puts on it, and jtop's users have added."""
    tools = [tool for tool, there in (("nvpmodel", shape.release), ("jetson_clocks", shape.release),
                                      ("vcgencmd", shape.firmware)) if there]  # fmt: skip
    for tool in tools:
        _program(seen / "usr/local/bin" / tool, (_STAND_INS / tool).read_text())
    if shape.release:
        (seen / "etc/nv_tegra_release").write_text(shape.release + "\n")
        (seen / "etc/nvpmodel.conf").write_text(_power_modes(shape))
    groups = (seen / "etc/group").read_text()
    if board.jtop_python and jtop.GROUP not in groups:  # it is on the disk, which outlives a reboot
        (seen / "etc/group").write_text(groups + jtop.GROUP)


def _power_modes(shape: Shape) -> str:
    lines = [
        f"< POWER_MODEL ID={number} NAME={name} >\nCPU MAX_FREQ {hz // 1000}\n"
        for number, (name, hz) in enumerate(shape.power_modes)
    ]
    return "".join(lines) + "< PM_CONFIG DEFAULT=0 >\n"


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # of the machine: a new file, for written over it would stay a link of another's
    path.write_text(text)
    path.chmod(0o755)


def _below(new: Path, path: Path) -> Path:
    return new / path.relative_to("/")
