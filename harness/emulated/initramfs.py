"""The first file system of an emulated machine, in the kernel's cpio format (Documentation/driver-api/early-userspace/
buffer-format.rst): the whole arm64 system, the modules that its devices need, and its first process.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from harness.emulated.debian import Debian

_DEVICES = ("virtio_pci", "virtio_net", "virtio_blk", "crc32c_generic", "ext4", "9pnet_virtio", "9p")
_INIT = Path(__file__).with_name("init.sh")
_REBOOT = "#!/bin/sh\nsync\necho b > /proc/sysrq-trigger\n"  # there are no services to be ended
_LEFT_OUT = ("usr/share/doc", "usr/share/locale", "usr/share/man", "usr/share/perl")


class Entry(NamedTuple):
    name: str
    mode: int
    content: bytes = b""


def of(debian: Debian) -> Path:
    """The archive beside the system that it was made of, made if it is not there."""
    made_of = hashlib.sha256(_INIT.read_bytes() + _REBOOT.encode() + debian.kernel.name.encode())
    target = debian.system.with_name(f"{debian.system.name}-{made_of.hexdigest()[:8]}.cpio.gz")
    if not target.is_file():
        _write(debian, target)
    return target


def _write(debian: Debian, target: Path) -> None:
    """Under its name only when complete."""
    fresh = target.with_suffix(".fresh")
    with gzip.open(fresh, "wb", compresslevel=1) as archive:
        for number, entry in enumerate(_entries(debian), 1):
            _write_entry(archive, entry, number)
        _write_entry(archive, Entry("TRAILER!!!", 0), 0)
    fresh.rename(target)


def with_dependencies(modules: dict[str, Path], wanted: tuple[str, ...]) -> list[str]:
    """Names in the order in which they can be loaded. One that is not there is built in."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in modules:
            return
        for needed in _depends(modules[name].read_bytes()):
            add(needed)
        order.append(name)

    for name in wanted:
        add(name)
    return order


def _depends(module: bytes) -> list[str]:
    """What its `.modinfo` section names."""
    found = re.search(rb"\0depends=([^\0]*)\0", module)
    return found[1].decode().split(",") if found and found[1] else []


def _entries(debian: Debian) -> Iterator[Entry]:
    yield from _tree(debian.system)
    modules = {path.stem.replace("-", "_"): path for path in sorted(debian.kernel.rglob("*.ko"))}
    order = with_dependencies(modules, _DEVICES)
    yield Entry("modules", stat.S_IFDIR | 0o755)
    yield Entry("modules/order", stat.S_IFREG | 0o644, "\n".join(order).encode())
    for name in order:
        yield Entry(f"modules/{name}.ko", stat.S_IFREG | 0o644, modules[name].read_bytes())
    yield Entry("init", stat.S_IFREG | 0o755, _INIT.read_bytes())
    yield Entry("sbin/reboot", stat.S_IFREG | 0o755, _REBOOT.encode())


def _tree(root: Path) -> Iterator[Entry]:
    for path in sorted(root.rglob("*")):
        name, mode = str(path.relative_to(root)), path.lstat().st_mode
        if name.startswith(_LEFT_OUT):
            continue
        if stat.S_ISLNK(mode):
            yield Entry(name, mode, str(path.readlink()).encode())
        elif stat.S_ISREG(mode):
            yield Entry(name, mode, path.read_bytes())
        elif stat.S_ISDIR(mode):
            yield Entry(name, mode)


def _write_entry(archive: gzip.GzipFile, entry: Entry, number: int) -> None:
    """A header of 13 numbers in hexadecimal after the magic; name and content each end on a multiple of 4."""
    name = entry.name.encode() + b"\0"
    numbers = (number, entry.mode, 0, 0, 1, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08x" % value for value in numbers) + name
    for part in (head, entry.content):
        archive.write(part + b"\0" * (-len(part) % 4))
