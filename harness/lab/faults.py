"""What each fault does to a board, and how it is taken back: a table.

Some come from outside (power, wire, cgroup, disk) and are done here; the others the board's init plays itself, which
follows the list of faults in the board's panel. That list is kept in any case: it says what a board suffers from.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from harness.errors import FedRackError
from harness.fault_kinds import FaultKind
from harness.inventory import Link
from harness.lab import false_clock, power, wire
from harness.lab.cgroups import Groups, kill, leave_in
from harness.lab.plan import FAULTS_FILE, READY_FILE, LabBoard, lab_namespace

SLOW_MBIT = 2.0  # OURS: a Wi-Fi at the end of its range
SPARE_BYTES = 32 * 1024**2  # OURS: what is left to a board out of memory: logins and an agent, and no worker
FOLLOW_S, RETRY_S = 15.0, 0.02  # most that init takes to follow: sshd may have to be started anew
FLAP = "ip -n {0} link set {1} down; sleep 1; ip -n {0} link set {1} up; sleep 2"  # OURS: a plug with a loose contact

Act = Callable[[LabBoard, Groups], None]


class Fault(NamedTuple):
    begin: Act
    end: Act
    lasts: bool = True  # False: over as soon as it has happened


def begin(board: LabBoard, kind: FaultKind, machine: Groups) -> None:
    """From now on; a fault that the board has already is as good as begun. Raises `FedRackError`."""
    on = active(board)
    if kind in on:
        return
    FAULTS[kind].begin(board, machine)
    if FAULTS[kind].lasts:
        _note(board, on | {kind})


def end(board: LabBoard, kind: FaultKind, machine: Groups) -> None:
    """Takes it back; one that the board has not is as good as taken back."""
    on = active(board)
    if kind in on:
        FAULTS[kind].end(board, machine)
        _note(board, on - {kind})


def active(board: LabBoard) -> frozenset[FaultKind]:
    """What the board suffers from."""
    try:
        return frozenset(map(FaultKind, json.loads((board.panel / FAULTS_FILE).read_text())))
    except FileNotFoundError:
        return frozenset()


def _note(board: LabBoard, kinds: frozenset[FaultKind]) -> None:
    """By renaming, since init reads it at any moment; returns when init follows it, or there is none to do so."""
    text = json.dumps(sorted(kinds))
    fresh = board.panel / f"{FAULTS_FILE}.fresh"
    fresh.write_text(text)
    os.replace(fresh, board.panel / FAULTS_FILE)
    end_s = time.monotonic() + FOLLOW_S
    while (ready := _ready(board)) is not None and ready != text:
        if time.monotonic() > end_s:
            raise FedRackError(f"{board.name} does not follow its faults", remedy=f"see {board.folder}/console.log")
        time.sleep(RETRY_S)


def _ready(board: LabBoard) -> str | None:
    try:
        return (board.panel / READY_FILE).read_text()
    except FileNotFoundError:
        return None


def _nothing(board: LabBoard, machine: Groups) -> None:
    """Its name on the panel is all that init needs."""


def _starve(board: LabBoard, machine: Groups) -> None:
    """Less memory, and a program that wants what is left: the kernel ends whom it likes least, the worker first."""
    machine.limit_memory(board.group, machine.memory_used_bytes(board.group) + SPARE_BYTES)
    leave_in(machine, board.system_group, [sys.executable, "-c", f"bytearray({2 * SPARE_BYTES})"])


def _feed(board: LabBoard, machine: Groups) -> None:
    machine.limit_memory(board.group, board.facts.memory_bytes)


def _freeze(board: LabBoard, machine: Groups) -> None:
    machine.freeze(board.group, True)


def _thaw(board: LabBoard, machine: Groups) -> None:
    machine.freeze(board.group, False)


def _lose_power(board: LabBoard, machine: Groups) -> None:
    """Without a goodbye: the kernel would close the connections of the killed in good order."""
    wire.plug(board, False)
    power.switch_off(board, machine)


def _power_on(board: LabBoard, machine: Groups) -> None:
    wire.plug(board, True)
    power.switch_on([board], machine)


def _reboot(board: LabBoard, machine: Groups) -> None:
    power.switch_off(board, machine)
    power.switch_on([board], machine)


def _unplug(board: LabBoard, machine: Groups) -> None:
    wire.plug(board, False)


def _plug(board: LabBoard, machine: Groups) -> None:
    wire.plug(board, True)


def _flap(board: LabBoard, machine: Groups) -> None:
    machine.make(board.hand_group)
    script = FLAP.format(lab_namespace(board.lab), board.port)
    leave_in(machine, board.hand_group, ["sh", "-c", f"while :; do {script}; done"])


def _stop_flapping(board: LabBoard, machine: Groups) -> None:
    kill(machine, board.hand_group)
    wire.plug(board, True)


def _slow(board: LabBoard, machine: Groups) -> None:
    wire.shape(board, Link(rate_mbit=SLOW_MBIT), machine)


def _as_planned(board: LabBoard, machine: Groups) -> None:
    wire.shape(board, board.link or Link(), machine)


def _fill_disk(board: LabBoard, machine: Groups) -> None:
    power.fill_disk(board, True)


def _free_disk(board: LabBoard, machine: Groups) -> None:
    power.fill_disk(board, False)


def _false_clock(board: LabBoard, machine: Groups) -> None:
    if board.emulated_cpu:
        remedy = "give the fault to a namespace board"
        raise FedRackError(f"{board.name} is emulated, and a false clock would not reach its programs", remedy=remedy)
    if false_clock.library() is None:
        raise FedRackError("false clocks need libfaketime", remedy="apt-get install libfaketime (Debian's name)")


_BY_INIT = Fault(_nothing, _nothing)
_CLOCK = Fault(_false_clock, _nothing)

FAULTS = {
    FaultKind.OUT_OF_MEMORY: Fault(_starve, _feed),
    FaultKind.HANG: Fault(_freeze, _thaw),
    FaultKind.REBOOT: Fault(_reboot, _nothing, lasts=False),
    FaultKind.POWER_LOSS: Fault(_lose_power, _power_on),
    FaultKind.LINK_DOWN: Fault(_unplug, _plug),
    FaultKind.LINK_FLAPPING: Fault(_flap, _stop_flapping),
    FaultKind.SLOW_LINK: Fault(_slow, _as_planned),
    FaultKind.CLOCK_JUMP: _CLOCK,
    FaultKind.CLOCK_DRIFT: _CLOCK,
    FaultKind.THERMAL_THROTTLING: _BY_INIT,
    FaultKind.UNDER_VOLTAGE: _BY_INIT,
    FaultKind.DISK_FULL: Fault(_fill_disk, _free_disk),
    FaultKind.SENSOR_LOSS: _BY_INIT,
    FaultKind.SSHD_STALLS: _BY_INIT,
    FaultKind.WRONG_HOST_KEY: _BY_INIT,
    FaultKind.NO_PYTHON: _BY_INIT,
}
