"""A board's power switch, and its disk, which outlives a power loss."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

from harness.errors import FedRackError
from harness.lab import kernel
from harness.lab.cgroups import Groups, kill, members, start_in
from harness.lab.plan import DISK_BYTES, READY_FILE, LabBoard

BOOT_S = 30.0  # most that a board may take until its sshd listens
_CONSOLE = "console.log"
_RETRY_S = 0.02


def add_disk(board: LabBoard) -> None:
    board.disk.mkdir(parents=True)
    kernel.mount("tmpfs", str(board.disk), "tmpfs", f"size={DISK_BYTES},mode=755")


def fill_disk(board: LabBoard, full: bool) -> None:
    """Full without writing anything: the disk shrinks to what is on it."""
    facts = os.statvfs(board.disk)
    used_bytes = (facts.f_blocks - facts.f_bfree) * facts.f_frsize
    size = max(used_bytes, facts.f_frsize) if full else DISK_BYTES
    kernel.mount("tmpfs", str(board.disk), "tmpfs", f"size={size},mode=755", flags=kernel.MS_REMOUNT)


def switch_on(boards: Sequence[LabBoard], machine: Groups) -> None:
    """All at once; returns when each takes logins. Raises `FedRackError` with the console of one that does not."""
    end_s = time.monotonic() + BOOT_S
    booting = [(board, _boot(board, machine)) for board in boards]
    for board, loader in booting:
        if loader.wait() != 0:
            raise _dead(board)
    for board in boards:
        while not (board.panel / READY_FILE).exists():
            if time.monotonic() > end_s or not members(machine.trees(board.hardware_group)):
                raise _dead(board)
            time.sleep(_RETRY_S)


def switch_off(board: LabBoard, machine: Groups) -> None:
    """At once, as by pulling the plug."""
    kill(machine, board.hardware_group)
    kill(machine, board.group)
    (board.panel / READY_FILE).unlink(missing_ok=True)


def _boot(board: LabBoard, machine: Groups) -> subprocess.Popen[bytes]:
    """The process that ends once it has made the board's init, which is nobody's child."""
    command = [sys.executable, "-m", "harness.lab.init", board.lab, board.name]
    with (board.folder / _CONSOLE).open("ab") as console:
        return start_in(machine, board.hardware_group, command, console)


def _dead(board: LabBoard) -> FedRackError:
    tail = (board.folder / _CONSOLE).read_text(errors="replace").strip().splitlines()[-10:]
    message = "\n".join([f"{board.name} does not come up", *(f"  {line}" for line in tail)])
    return FedRackError(message, remedy="these are the last lines of its console")
