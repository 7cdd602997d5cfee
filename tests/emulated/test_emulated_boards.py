"""Boards of a lab whose programs are arm64's: what a login sees, and that the CPU is the one that it is called."""

from __future__ import annotations

import os
import subprocess

from harness.emulated.cpu import EMULATED_CPUS
from harness.emulated.debian import Debian
from tests.lab.conftest import LiveLab

_HWCAP = "import ctypes; f = ctypes.CDLL(None).getauxval; f.restype = ctypes.c_ulong; print(f(ctypes.c_ulong(16)))"
# Bits of AT_HWCAP, in the order of the kernel's arch/arm64/include/uapi/asm/hwcap.h.
_NAMES = (
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp", "asimdhp", "cpuid",
    "asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4", "asimddp",
)  # fmt: skip


def test_the_features_are_those_that_qemu_has(system: Debian) -> None:
    for model, cpu in EMULATED_CPUS.items():
        words = ["chroot", str(system.system), "/usr/bin/python3", "-c", _HWCAP]
        done = subprocess.run(words, env={**os.environ, "QEMU_CPU": model}, capture_output=True, text=True, check=True)
        told = int(done.stdout)
        assert " ".join(name for bit, name in enumerate(_NAMES) if told >> bit & 1) == cpu.features, model


def test_a_login_is_on_arm64(arm64_rack: LiveLab) -> None:
    say = "uname -m; hostname; pwd; echo $QEMU_CPU; grep -c ^processor /proc/cpuinfo; tail -n +2 /proc/swaps"
    assert arm64_rack.ssh("pi4-arm64", say).split() == ["aarch64", "pi4-arm64", "/home/board", "cortex-a72", "4"]
    python = "/usr/local/bin/board-python -c 'import platform; print(platform.machine(), *platform.libc_ver())'"
    assert arm64_rack.ssh("pi5-arm64", python).split() == ["aarch64", "glibc", "2.36"]
    assert "atomics" in arm64_rack.ssh("pi5-arm64", "grep Features /proc/cpuinfo")
    arm64_rack.ssh("pi5-arm64", "rm /etc/os-release; echo mine > /etc/motd")
    assert arm64_rack.ssh("pi4-arm64", "ls /etc/os-release; cat /etc/motd 2>/dev/null || true").strip() == (
        "/etc/os-release"
    )
