"""The system calls behind namespaces that Python 3.11 has no names for. Raise OSError."""

from __future__ import annotations

import ctypes
import os
import signal

NEW_NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000  # CLONE_NEWNS, NEWUTS, NEWIPC, NEWPID
_NEW_NETWORK = 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_REMOUNT = 0x1000, 0x4000, 1 << 18, 0x20
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Called in a child before exec: it is killed when its parent ends, however that ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def unshare(flags: int) -> None:
    _checked(_libc.unshare(flags), "unshare")


def join_network(name: str) -> None:
    """Moves the calling thread, and all that it starts from here on, into the network namespace `name`."""
    with open(f"/run/netns/{name}") as namespace:
        _checked(_libc.setns(namespace.fileno(), _NEW_NETWORK), f"/run/netns/{name}")


def mount(source: str, target: str, kind: str, options: str = "", flags: int = 0) -> None:
    words = (os.fsencode(word) for word in (source, target, kind))
    _checked(_libc.mount(*words, ctypes.c_ulong(flags), os.fsencode(options) or None), target)


def bind(source: str, target: str) -> None:
    """With what is mounted below it."""
    mount(source, target, "none", flags=MS_BIND | MS_REC)


def unmount(target: str) -> None:
    """At once for those who look; in the kernel when the last file in it is closed."""
    _checked(_libc.umount2(os.fsencode(target), _MNT_DETACH), target)


def change_root(new_root: str) -> None:
    """`new_root`, a mount point, becomes /, and what was / is gone. pivot_root(2), "pivot_root(".", ".")"."""
    os.chdir(new_root)
    _checked(_libc.syscall(_SYS_PIVOT_ROOT[os.uname().machine], b".", b"."), new_root)
    unmount(".")
    os.chdir("/")


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
