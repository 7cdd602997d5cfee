"""The one process tree under watch: started inside its budget, ended as a whole."""

import os
import resource
import signal
import subprocess
import time
from typing import Dict, List, Optional, Set

from . import linux
from .budget import Budget
from .sidecars import Sidecars

_WORKER_OOM_SCORE_ADJ = 500  # when the whole board runs out of memory, the worker goes first
_RELIST_S = 0.5  # sensors ask once a second, several on the same tick


class Worker:
    """`returncode` and `signal` are None until the worker has ended; exactly one of them is set then."""

    def __init__(
        self, argv: List[str], env: Dict[str, str], cwd: str, log_path: str, budget: Budget, sidecars: Sidecars
    ) -> None:
        self._budget = budget
        self._sidecars = sidecars
        self.returncode: Optional[int] = None
        self.signal: Optional[int] = None
        self.max_rss_bytes: Optional[int] = None  # high-water mark at its end, unless it reset its own before
        self._watched: Set[int] = set()
        self._relist_at_s = 0.0
        self.cpu_s: Optional[float] = None  # with that of the children it waited for
        agent = os.getpid()

        def before_exec() -> None:
            linux.die_with_parent(agent)
            linux.set_nice(linux.NICE_AT_START)
            linux.set_oom_score_adj(_WORKER_OOM_SCORE_ADJ)
            try:
                budget.enter()
            except OSError as error:
                os.write(2, f"agent: could not enter the budget: {error}\n".encode())
                raise

        with open(log_path, "wb") as log:
            self._process = subprocess.Popen(
                argv,
                env=dict(os.environ, **env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec,
            )
        self.pid = self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def members(self) -> Set[int]:
        """The whole tree, orphans included: the agent adopts those, and has no other children but its sidecars."""
        return self._sidecars.without(linux.descendants(os.getpid())).union(self._budget.members())

    def watched(self) -> Set[int]:
        """The tree as sensors need it: they share one listing, which costs more than all the rest of a tick."""
        now = time.monotonic()
        if now >= self._relist_at_s:
            self._relist_at_s = now + _RELIST_S
            self._watched = self._sidecars.without(linux.descendants_at_a_glance(os.getpid()))
        return self._watched

    def kill(self, number: int = signal.SIGKILL) -> None:
        for pid in self.members():
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass

    def reap(self) -> bool:
        """Take in all who ended; True when nobody of the tree is left. Never blocks."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return self.ended and not self.members()
            if pid == self.pid:
                self._note_end(status, usage)
            else:
                self._sidecars.on_reaped(pid, status)

    def _note_end(self, status: int, usage: "resource.struct_rusage") -> None:
        if os.WIFSIGNALED(status):
            self.signal = os.WTERMSIG(status)
        else:
            self.returncode = os.WEXITSTATUS(status)
        self.max_rss_bytes = usage.ru_maxrss * 1024
        self.cpu_s = round(usage.ru_utime + usage.ru_stime, 6)
        self._process.returncode = status  # else Popen would wait for it once more
