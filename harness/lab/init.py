"""`python -m harness.lab.init LAB BOARD`: process 1 of a board, and what its kernel and its sensors are to it.

Moves into the board's namespaces, builds its root, starts sshd in the board's cgroup, and then ten times a second
writes what the sensors show. It is not in that group itself: a board's kernel and hardware take none of its memory and
cores, and do not freeze with it. The faults that it must play stand in the panel's `faults.json`; it follows that file.
Its death is the board's: the kernel kills whatever else runs in a process namespace whose first process ends.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from harness.emulated.cpu import EMULATED_CPUS
from harness.fault_kinds import FaultKind
from harness.lab import board_ssh, false_clock, jtop, kernel, model, procfs, rootfs, sysfs
from harness.lab.cgroups import Groups, groups
from harness.lab.plan import FAULTS_FILE, READY_FILE, LabBoard, read_plan
from harness.lab.shapes import SHAPES

PERIOD_S = 0.1
_SYS = Path("/sys")
_CPUFREQ = _SYS / "devices/system/cpu/cpu0/cpufreq"
_NUMBER_WIDTH = 12  # wider than any reading, so that one in place of another leaves no digit of it


def main() -> None:
    lab = read_plan(sys.argv[1])
    assert lab is not None, "the plan is written before any board is switched on"
    board = next(board for board in lab.boards if board.name == sys.argv[2])
    machine = groups()
    assert machine is not None, "checked before the lab was made"
    kernel.join_network(board.namespace)
    kernel.unshare(kernel.NEW_NAMESPACES)
    if os.fork():
        os._exit(0)  # only children are born into a new process namespace, and the first of them is its init
    socket.sethostname(board.name)
    machine_cpus = len(os.sched_getaffinity(0))
    machine_cpuinfo = Path("/proc/cpuinfo").read_text()
    if board.emulated_cpu:
        machine_cpuinfo = EMULATED_CPUS[board.emulated_cpu].cpuinfo
    rootfs.enter(board, machine.views(board.group))
    own = groups()
    assert own is not None, "bound a moment ago"
    _Init(board, own, machine_cpus, machine_cpuinfo).run()


class _Load(NamedTuple):
    """What the board has used of its cores so far, and when."""

    at_s: float
    core_s: float


class _Init:
    def __init__(self, board: LabBoard, own: Groups, machine_cpus: int, machine_cpuinfo: str) -> None:
        self._board = board
        self._shape = SHAPES[board.board_class]
        self._groups = own
        self._machine_cpus = machine_cpus
        self._files: dict[str, int] = {}
        self._shown: dict[str, str] = {}
        self._faults: frozenset[str] = frozenset()  # those that are played
        self._booted_s = time.monotonic()
        self._booted_core_s = self._used_core_s()
        self._load = _Load(self._booted_s, self._booted_core_s)
        self._state = model.at_boot(self._shape)
        cpuinfo = procfs.cpuinfo(machine_cpuinfo, board.facts.cores, self._shape.revision, self._shape.model)
        self._show(f"{rootfs.PROC}/cpuinfo", cpuinfo)
        self._tick()
        self._follow(self._wanted())
        self._ssh = self._start_ssh()
        if board.jtop_python:
            jtop.start(board.jtop_python, own)

    def run(self) -> None:
        """Does not return."""
        self._tell_ready()
        while True:
            time.sleep(PERIOD_S)
            self._reap()
            self._follow_panel()
            self._tick()

    def _reap(self) -> None:
        """Those whose parents have died, as any init does; an sshd that has died is started again."""
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                if pid == self._ssh.pid:
                    self._ssh = self._start_ssh()
        except ChildProcessError:
            return

    def _wanted(self) -> frozenset[str]:
        try:
            return frozenset(json.loads((rootfs.PANEL / FAULTS_FILE).read_text()))
        except FileNotFoundError:
            return frozenset()

    def _follow_panel(self) -> None:
        wanted = self._wanted()
        changed = wanted ^ self._faults
        if not changed:
            return
        self._follow(wanted)
        if changed & {FaultKind.SSHD_STALLS, FaultKind.WRONG_HOST_KEY}:
            self._ssh.kill()  # sessions that are open go on
            self._ssh.wait()
            self._ssh = self._start_ssh()
        self._tick()
        self._tell_ready()

    def _follow(self, wanted: frozenset[str]) -> None:
        self._faults = wanted
        rootfs.show_python(self._board, FaultKind.NO_PYTHON not in wanted)
        false_clock.follow(wanted)

    def _tell_ready(self) -> None:
        fresh = rootfs.PANEL / f"{READY_FILE}.fresh"
        fresh.write_text(json.dumps(sorted(self._faults)))
        fresh.rename(rootfs.PANEL / READY_FILE)

    def _start_ssh(self) -> subprocess.Popen[bytes]:
        stalls, wrong = (fault in self._faults for fault in (FaultKind.SSHD_STALLS, FaultKind.WRONG_HOST_KEY))
        return board_ssh.start(self._board, self._groups, stalls=stalls, wrong_key=wrong)

    def _tick(self) -> None:
        now = _Load(time.monotonic(), self._used_core_s())
        passed_s = max(1e-6, now.at_s - self._load.at_s)
        cores = self._board.facts.cores
        around = model.Surroundings(
            busy_cores=(now.core_s - self._load.core_s) / passed_s,
            clock_range_hz=self._clock_range_hz(),
            overheated=FaultKind.THERMAL_THROTTLING in self._faults,
            under_voltage=FaultKind.UNDER_VOLTAGE in self._faults,
        )
        self._state = model.step(self._shape, cores, self._state, around, passed_s)
        self._load = now
        self._show_sensors(cores)
        self._show_proc(cores, now)

    def _used_core_s(self) -> float:
        """In cores of the board: one that has used up its quota has had all its cores busy."""
        return self._groups.cpu_used_s(".") * self._board.facts.cores / self._board.quota_cpus(self._machine_cpus)

    def _clock_range_hz(self) -> tuple[int, int]:
        low, high = (_CPUFREQ / f"scaling_{end}_freq" for end in ("min", "max"))
        return int(low.read_text()) * 1000, int(high.read_text()) * 1000

    def _show_sensors(self, cores: int) -> None:
        gauges = sysfs.gauges(self._shape, cores, self._state)
        lost = sysfs.power_gauges(self._shape, self._state) if FaultKind.SENSOR_LOSS in self._faults else {}
        for name, text in gauges.items():
            self._show(f"{_SYS}/{name}", "" if name in lost else f"{text:<{_NUMBER_WIDTH}}\n")
        if self._shape.pmic:
            self._show(str(rootfs.PMIC), sysfs.pmic(self._shape, self._state))

    def _show_proc(self, cores: int, now: _Load) -> None:
        total_bytes, used_bytes = self._board.facts.memory_bytes, self._groups.memory_used_bytes(".")
        stat = self._groups.memory_stat(".")
        self._show(f"{rootfs.PROC}/meminfo", procfs.meminfo(total_bytes, used_bytes, stat, bool(self._shape.gpu)))
        busy_core_s = now.core_s - self._booted_core_s
        self._show(f"{rootfs.PROC}/stat", procfs.stat(cores, now.at_s - self._booted_s, busy_core_s))

    def _show(self, path: str, text: str) -> None:
        """In place: readers keep the file open. Nothing at all is how a sensor fails that does not answer.

        A text, since to put 20 `Path`s together costs more than all else that is done ten times a second.
        """
        if self._shown.get(path) == text:
            return
        self._shown[path] = text
        if path not in self._files:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._files[path] = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if text:
            os.pwrite(self._files[path], text.encode(), 0)
        else:
            os.ftruncate(self._files[path], 0)


if __name__ == "__main__":
    main()
