"""What this machine lacks for emulated boards, in one sentence with the way to get it."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.errors import FedRackError

_BINFMT = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
_REGISTER = (
    "apt-get install qemu-user-static binfmt-support; where nothing mounts it at boot: "
    "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc && update-binfmts --enable qemu-aarch64"
)
# program -> Debian package
_TO_MAKE = {"mmdebstrap": "mmdebstrap"}
_TO_BOOT = {"qemu-system-aarch64": "qemu-system-arm", "mke2fs": "e2fsprogs", "setpriv": "util-linux"}


def require_translator() -> None:
    """The kernel hands arm64 programs to qemu, in every namespace. Raises `FedRackError`."""
    if not _BINFMT.exists() or "F" not in _flags(_BINFMT.read_text()):
        raise FedRackError("emulated boards need arm64 programs to run here, by qemu", remedy=_REGISTER)


def require_maker() -> None:
    """The programs that make the arm64 system. Raises `FedRackError`."""
    _require(_TO_MAKE, "the system of emulated boards")


def require_machine() -> None:
    """The programs that a whole board in qemu needs. Raises `FedRackError`."""
    _require(_TO_BOOT, "an emulated machine")


def _flags(registered: str) -> str:
    """F: opened when it was registered, so that a board's own root need not hold it."""
    return next((line.split()[1] for line in registered.splitlines() if line.startswith("flags:")), "")


def _require(programs: dict[str, str], what: str) -> None:
    missing = {program: package for program, package in programs.items() if shutil.which(program) is None}
    if missing:
        packages = " ".join(missing.values())
        raise FedRackError(f"{what} needs {', '.join(missing)}", remedy=f"apt-get install {packages} (Debian's names)")
