"""What needs no emulation to be proved: words for qemu, order of modules, and what is said where qemu is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.board_classes import BOARD_CLASSES
from harness.emulated import needs
from harness.emulated.cpu import EMULATED_CPUS, STANDS_FOR
from harness.emulated.initramfs import with_dependencies
from harness.emulated.machine import Machine, command, kernel_line
from harness.errors import FedRackError
from harness.facts.cpu import parse_cpuinfo
from harness.lab.procfs import cpuinfo


def test_who_stands_for_a_cpu_has_atomics_where_it_has() -> None:
    for facts in BOARD_CLASSES.values():
        if facts.cpu in STANDS_FOR:
            text = cpuinfo(EMULATED_CPUS[STANDS_FOR[facts.cpu]].cpuinfo, facts.cores, "", "")
            found = parse_cpuinfo(text)
            assert found.cores == facts.cores
            assert facts.atomics in (None, found.lse_atomics)
            assert facts.cpu not in ("Cortex-A57", "Cortex-A72", "Cortex-A76") or found.kinds == (facts.cpu,)


def test_a_machine_is_closed_but_for_ssh_on_loopback(tmp_path: Path) -> None:
    machine = Machine(name="pi", board_class="raspberry-pi-5", port=2345, folder=tmp_path)
    words = command(machine, Path("kernel"), Path("initrd"), "quiet")
    net = words[words.index("-netdev") + 1]
    assert "restrict=on" in net and net.count("hostfwd") == 1 and "hostfwd=tcp:127.0.0.1:2345-" in net
    assert [word for word in words if word.startswith("virtio-net")] == ["virtio-net-pci,netdev=net,romfile="]
    assert words[words.index("-cpu") + 1] == "cortex-a76"
    assert command(replace(machine, port=1), Path("k"), Path("i"), "")[:3] == ["setpriv", "--pdeathsig", "KILL"]


@pytest.mark.parametrize(
    ("board_class", "cmdline", "line"),
    [
        ("raspberry-pi-4", "quiet\n", "cgroup_disable=memory quiet"),
        ("raspberry-pi-4", "quiet cgroup_enable=memory\n", "quiet cgroup_enable=memory"),
        ("jetson-orin-nx", "quiet\n", "quiet"),
    ],
)
def test_the_firmware_has_a_pis_way_with_the_memory_controller(board_class: str, cmdline: str, line: str) -> None:
    assert kernel_line(board_class, cmdline) == line


def test_modules_come_after_what_they_need(tmp_path: Path) -> None:
    for name, needed in (("ext4", b"jbd2,crc16"), ("jbd2", b""), ("crc16", b""), ("other", b"ext4")):
        (tmp_path / f"{name}.ko").write_bytes(b"\x7fELF\0license=GPL\0depends=" + needed + b"\0name=x\0")
    modules = {path.stem: path for path in tmp_path.iterdir()}
    assert with_dependencies(modules, ("ext4", "built_in", "jbd2")) == ["jbd2", "crc16", "ext4"]


def test_what_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FedRackError, match="needs qemu-system-aarch64, mke2fs, setpriv") as caught:
        needs.require_machine()
    assert caught.value.remedy == "apt-get install qemu-system-arm e2fsprogs util-linux (Debian's names)"
    with pytest.raises(FedRackError, match="needs mmdebstrap"):
        needs.require_maker()
