"""Everything that is ever run as root on a board: a fixed list, which `fedrack provision --sudoers` prints.

Whole paths and whole argument lists, because that is what sudo compares. `[0-9]` is sudo's own wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SWAP_OFF = "/sbin/swapoff -a"
JETSON_ZRAM_OFF = "/bin/systemctl disable --now nvzramconfig"
PI_SWAP_FILE_OFF = "/bin/systemctl disable --now dphys-swapfile"
PI_ZRAM_OFF = "/usr/bin/tee /etc/rpi/swap.conf"
REBOOT = "/sbin/reboot"
NVPMODEL = "/usr/sbin/nvpmodel -m [0-9]"
CMDLINE_FILES = ("/boot/firmware/cmdline.txt", "/boot/cmdline.txt")  # bookworm and later, before
_FIXED = (SWAP_OFF, JETSON_ZRAM_OFF, PI_SWAP_FILE_OFF, PI_ZRAM_OFF, REBOOT, NVPMODEL)


def power_mode(number: int) -> str:
    return f"/usr/sbin/nvpmodel -m {number}"


def memory_cgroup(file: str) -> str:
    """Appends to the kernel's one line, after the device tree's `cgroup_disable=memory`."""
    return f"/bin/sed -i 1s/$/\\ cgroup_enable=memory/ {file}"


def install_packages(names: Iterable[str]) -> str:
    return f"/usr/bin/apt-get install -y --no-install-recommends {' '.join(names)}"


def every_command(packages: Iterable[Iterable[str]]) -> list[str]:
    """The whole list, for images with these packages."""
    of_images = [install_packages(names) for names in packages if names]
    return [*_FIXED, *(memory_cgroup(file) for file in CMDLINE_FILES), *of_images]


def sudoers(user: str, packages: Iterable[Iterable[str]]) -> str:
    """A file for /etc/sudoers.d: these commands, without a password, and nothing else."""
    rules = [f"{user} ALL=(root) NOPASSWD: {_escaped(command)}" for command in every_command(packages)]
    return "\n".join(["# /etc/sudoers.d/fedrack: what FedRack may do as root on this board", *rules, ""])


def _escaped(command: str) -> str:
    """sudoers gives a meaning to commas, colons, equals signs and backslashes in arguments."""
    return re.sub(r"([,:=\\])", r"\\\1", command)
