"""The Debian for arm64 that emulated boards run: unpacked packages, made once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.caches import cache_folder
from harness.emulated.needs import require_maker
from harness.errors import FedRackError

SUITE = "bookworm"  # that of Raspberry Pi OS when most of our wheels were pinned; Python 3.11
_SYSTEM = (
    "bash", "ca-certificates", "coreutils", "dash", "findutils", "grep", "gzip", "hostname", "iproute2", "kmod",
    "libc-bin", "libstdc++6", "mawk", "mount", "openssh-server", "procps", "python3", "python3-venv", "sed", "sudo",
    "tar", "util-linux",
)  # fmt: skip
_KERNEL = ("linux-image-arm64",)
_PASSWD = "root:x:0:0:root:/home/board:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


@dataclass(frozen=True, kw_only=True)
class Debian:
    """Folders: the system's root, and a root that holds its kernel and modules."""

    system: Path
    kernel: Path


def debian() -> Debian:
    """Raises `FedRackError` where it has not been made."""
    found = _in(cache_folder("emulated"))
    if not (found.system.is_dir() and found.kernel.is_dir()):
        raise FedRackError("the arm64 system of emulated boards is not there", remedy="make emulated-system")
    return found


def make_debian() -> Debian:
    """Fetches and unpacks what is not there yet. As root, since the files are a root's. Raises `FedRackError`."""
    require_maker()
    folder = cache_folder("emulated")
    folder.mkdir(parents=True, exist_ok=True)
    made = _in(folder)
    if not made.system.is_dir():
        _unpack(_SYSTEM, made.system)
    if not made.kernel.is_dir():
        _unpack(_KERNEL, made.kernel)
    return made


def _in(folder: Path) -> Debian:
    """Named after what was asked for, so that other packages are another folder."""
    system, kernel = (
        folder / f"{SUITE}-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:8]}"
        for packages in (_SYSTEM, _KERNEL)
    )
    return Debian(system=system, kernel=kernel)


def _unpack(packages: tuple[str, ...], target: Path) -> None:
    """Without running their scripts, which would take minutes in emulation; under its name only when complete."""
    fresh = target.with_suffix(".fresh")
    shutil.rmtree(fresh, ignore_errors=True)
    words = ["mmdebstrap", "--quiet", "--arch=arm64", "--variant=extract", f"--include={','.join(packages)}"]
    done = subprocess.run([*words, SUITE, fresh], capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise FedRackError(f"mmdebstrap: {last}", remedy="is Debian's archive reachable, and is this root?")
    _finish(fresh)
    fresh.rename(target)


def _finish(root: Path) -> None:
    """What scripts of packages would have made, as far as a board needs it."""
    (root / "etc").mkdir(exist_ok=True)
    for name, text in (("passwd", _PASSWD), ("group", _GROUP)):
        (root / "etc" / name).write_text(text)
    for name in ("proc", "sys", "dev", "run", "root", "tmp"):
        (root / name).mkdir(exist_ok=True)
    if (root / "usr/bin/mawk").exists():
        (root / "usr/bin/awk").symlink_to("mawk")
