"""A whole board in qemu: a kernel of its own with cgroups of version 2, a disk that outlives a reboot, real reboots.

Its network is qemu's own, closed on all sides but one: SSH on this machine's loopback. The folder that the machine
boots from holds what its firmware would read, above all `cmdline.txt`, which is read anew at every boot.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.board_classes import BOARD_CLASSES
from harness.emulated import initramfs
from harness.emulated.cpu import STANDS_FOR
from harness.emulated.debian import Debian
from harness.errors import FedRackError
from harness.keys import public_key, write_key

MEMORY_MB = 1024  # OURS: the system, which lies in memory, and an agent; no room for torch
DISK_BYTES = 512 * 1024**2  # OURS
PREFIX, ADDRESS = "198.18.1.0/24", "198.18.1.15"  # RFC 2544's, seen by nobody but the machine and qemu
_OFF, _ON = "cgroup_disable=memory", "cgroup_enable=memory"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """`folder` holds all of it; `port` is that of SSH, on 127.0.0.1."""

    name: str
    board_class: str
    port: int
    folder: Path

    @property
    def boot(self) -> Path:
        """The machine's /boot/firmware."""
        return self.folder / "boot"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.img"

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def console(self) -> Path:
        return self.folder / "console.log"


def prepare(machine: Machine) -> None:
    """Its folder, with keys, an empty disk and an inventory. One that is there already stays as it is."""
    if machine.inventory.is_file():
        return
    machine.boot.mkdir(parents=True)
    write_key(machine.boot / "host_key")
    write_key(machine.folder / "login_key")
    (machine.boot / "login_key.pub").write_text(public_key(machine.folder / "login_key") + "\n")
    (machine.boot / "hostname").write_text(machine.name + "\n")
    (machine.boot / "cmdline.txt").write_text("console=ttyAMA0 quiet\n")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", machine.disk, f"{DISK_BYTES // 1024}k"], check=True)
    machine.inventory.write_text(yaml.safe_dump({"all": {"hosts": {machine.name: _keys(machine)}}}, sort_keys=False))


def run(machine: Machine, debian: Debian) -> None:
    """Boots it, and again whenever it reboots or switches itself off; does not return. Raises `FedRackError`."""
    archive = initramfs.of(debian)
    (kernel,) = debian.kernel.glob("boot/vmlinuz-*")
    while True:
        line = kernel_line(machine.board_class, (machine.boot / "cmdline.txt").read_text())
        with machine.console.open("ab") as console:
            ended = subprocess.run(command(machine, kernel, archive, line), stdout=console, stderr=console)
        if ended.returncode != 0:
            message = f"qemu ended with exit code {ended.returncode}"
            raise FedRackError(message, remedy=f"see the end of {machine.console}")


def kernel_line(board_class: str, cmdline: str) -> str:
    """What the firmware makes of `cmdline.txt`. A Raspberry Pi's device tree switches the memory controller off, and
    of two contradicting words its kernel obeys the later; Debian's does not know `cgroup_enable`. Pure.
    """
    words = cmdline.split()
    off = board_class.startswith("raspberry-pi") and _ON not in words
    return " ".join([_OFF, *words] if off else words)


def command(machine: Machine, kernel: Path, archive: Path, line: str) -> list[str]:
    """qemu, which dies with its parent, and ends when the machine reboots. Pure."""
    facts = BOARD_CLASSES[machine.board_class]
    closed = f"user,id=net,restrict=on,net={PREFIX},hostfwd=tcp:127.0.0.1:{machine.port}-{ADDRESS}:22"
    return [
        *("setpriv", "--pdeathsig", "KILL", "qemu-system-aarch64", "-no-reboot", "-nographic", "-nodefaults"),
        *("-M", "virt", "-cpu", STANDS_FOR[facts.cpu], "-smp", str(facts.cores), "-m", str(MEMORY_MB)),
        *("-kernel", str(kernel), "-initrd", str(archive), "-append", line, "-serial", "stdio"),
        *("-netdev", closed, "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-drive", f"file={machine.disk},if=none,format=raw,id=disk", "-device", "virtio-blk-pci,drive=disk"),
        *("-virtfs", f"local,path={machine.boot},mount_tag=boot,security_model=none"),
    ]


def _keys(machine: Machine) -> dict[str, Any]:
    return {
        "board_class": machine.board_class,
        "virtual": "emulated",
        "ansible_host": "127.0.0.1",
        "ansible_port": machine.port,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(machine.folder / "login_key"),
        "host_key": public_key(machine.boot / "host_key"),
        # All that it does takes tens of times as long as on a board.
        "connect_timeout_s": 60,
        "command_timeout_s": 120,
        "idle_s": 0,
        "cool_down_s": 0,
        "sidecars": [],
    }
