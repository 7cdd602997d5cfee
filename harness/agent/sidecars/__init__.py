"""Sensors that need a package, a service or a slow program: each in a process of its own beside the agent.

A new one is a module with `python -m <package>.<module> --out FILE --rate HZ` (see `feed`) and a line in SIDECARS.
Nothing here imports the packages they need: importing jtop alone would change the agent's whole process.
"""

import os
import signal
import subprocess
import sys
import time
from typing import Callable, Dict, Iterable, NamedTuple, Optional, Set

from .. import linux

Absence = Optional[str]  # why a sidecar cannot work here; None: it may
_GRACE_S = 1.5
_LIBRARY = "libnvidia-ml.so.1"
_LIBRARY_FOLDERS = ("/usr/lib64", "/usr/lib", "/lib", "/usr/local/lib")


class Sidecar(NamedTuple):
    module: str
    highest_rate_hz: float  # more would disturb what is measured; also what it runs at where no rate is asked for
    absence: Callable[[bool], Absence]  # told whether it will run on this very interpreter


def _no_program(name: str) -> Absence:
    folders = os.environ.get("PATH", "").split(os.pathsep)
    there = any(os.access(os.path.join(folder, name), os.X_OK) for folder in folders if folder)
    return None if there else f"no program {name} on PATH"


def _no_module(name: str, package: str) -> Absence:
    """By looking for its file: an import is out of the question."""
    there = any(
        os.path.exists(os.path.join(folder, name + ending)) for folder in sys.path for ending in (".py", "/__init__.py")
    )
    return None if there else f"no module {name} for this Python (pip install {package})"


def _no_jtop(same_python: bool) -> Absence:
    return _no_module("jtop", "jetson-stats") if same_python else None


def _no_nvml(same_python: bool) -> Absence:
    folders = [*os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep), *_LIBRARY_FOLDERS]
    if not any(folder and os.path.exists(os.path.join(folder, _LIBRARY)) for folder in folders):
        try:
            with open("/etc/ld.so.cache", "rb") as cache:
                known = _LIBRARY.encode() in cache.read()
        except OSError:
            known = False
        if not known:
            return f"no {_LIBRARY}: no NVIDIA driver"
    return _no_module("pynvml", "nvidia-ml-py") if same_python else None


SIDECARS: Dict[str, Sidecar] = {
    "jtop": Sidecar("jtop_reader", 2.0, _no_jtop),
    "nvml": Sidecar("nvml_reader", 10.0, _no_nvml),
    "tegrastats": Sidecar("tegrastats_reader", 10.0, lambda _: _no_program("tegrastats")),
    "vcgencmd": Sidecar("vcgencmd_reader", 5.0, lambda _: _no_program("vcgencmd")),
}


class Sidecars:
    """The sidecars of one run. They end with `stop`, when the agent hangs up on them, and when it dies."""

    def __init__(self, python: str = sys.executable) -> None:
        """`python`: an interpreter that has their packages, where the agent's own has not."""
        self._python = python
        self._told: Set[str] = set()
        self._sessions: Set[int] = set()  # each leads one of its own, in which the programs it runs stay
        self.running: Dict[str, "subprocess.Popen[bytes]"] = {}

    def start(self, names: Iterable[str], out_folder: str, rate_hz: Optional[float] = None) -> Dict[str, str]:
        """Start those that apply, each writing <out_folder>/<name>.jsonl; answers why the others are not here."""
        absent = {}
        for name in names:
            sidecar = SIDECARS.get(name)
            if sidecar is None:
                absent[name] = "no such sidecar; known: " + ", ".join(sorted(SIDECARS))
                continue
            reason = sidecar.absence(self._python == sys.executable)
            if reason is None and name not in self.running:
                try:
                    self.running[name] = self._spawn(name, sidecar, out_folder, rate_hz)
                    self._sessions.add(self.running[name].pid)
                except OSError as error:
                    reason = f"does not start: {error}"
            if reason is not None:
                absent[name] = reason
        return absent

    def without(self, pids: Set[int]) -> Set[int]:
        """Those of the processes that are none of theirs: the agent must not take them for the worker's."""
        return {pid for pid in pids if linux.session(pid) not in self._sessions} if self._sessions else pids

    def on_reaped(self, pid: int, status: int) -> bool:
        """For an agent that waits for any child: True where it was a sidecar, whose end is then known here too."""
        for process in self.running.values():
            if process.pid == pid:
                process.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                return True
        return False

    def newly_ended(self) -> Dict[str, int]:
        """Those that ended by themselves since the last call, with their exit codes; why stands in their files."""
        ended = {name: process.returncode for name, process in self.running.items() if process.poll() is not None}
        fresh = {name: code for name, code in ended.items() if name not in self._told}
        self._told.update(fresh)
        return fresh

    def stop(self, grace_s: float = _GRACE_S) -> None:
        """Hang up on all of them, wait, and kill what is left. Takes no longer than the grace."""
        for process in self.running.values():
            if process.stdin:
                process.stdin.close()
        deadline = time.monotonic() + grace_s
        for process in self.running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(process.pid, signal.SIGKILL)  # with the programs it ran: a session of its own
            except ProcessLookupError:
                pass
            process.wait()
        self.running = {}

    def _spawn(
        self, name: str, sidecar: Sidecar, out_folder: str, rate_hz: Optional[float]
    ) -> "subprocess.Popen[bytes]":
        rate_hz = min(rate_hz or sidecar.highest_rate_hz, sidecar.highest_rate_hz)
        out = os.path.abspath(os.path.join(out_folder, name))
        agent = os.getpid()

        def before_exec() -> None:
            linux.die_with_parent(agent)
            linux.set_nice(linux.NICE_AT_START)
            linux.set_oom_score_adj(0)

        with open(out + ".log", "ab") as log:
            return subprocess.Popen(
                [self._python, "-m", f"{__name__}.{sidecar.module}", "--out", out + ".jsonl", "--rate", str(rate_hz)],
                cwd=_folder_of_package(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec,
            )


def _folder_of_package() -> str:
    """Where `python -m agent.sidecars...` finds us, wherever the agent was copied to."""
    folder = os.path.dirname(os.path.abspath(__file__))
    for _ in __name__.split("."):
        folder = os.path.dirname(folder)
    return folder
