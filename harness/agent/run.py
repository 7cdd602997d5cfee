"""One worker from start to verdict: its budget, its process tree, its trace, its exit.json."""

import os
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from . import kernel_log
from .budget import Budget
from .errors import Refused
from .order import Order
from .sampler import Sampler
from .sidecars import Sidecars
from .sources import Site
from .trace import Faults, TraceFile, write_atomically
from .worker import Worker

_FORMAT = 1
_SAMPLES = "samples.jsonl"


class Run:
    def __init__(
        self, order: Order, folder: str, group_name: str, sysroot: str, report: Callable[[Dict[str, Any]], None]
    ) -> None:
        """Raises Refused with code `start_failed`, having left nothing behind."""
        self._out = os.path.join(folder, order.out)
        self._faults = Faults(report)
        self._kill_at_s: Optional[float] = None
        self._killing = False
        self._ended_s: Optional[float] = None
        self._cpu_before_s = time.process_time()
        try:
            os.makedirs(self._out, exist_ok=True)
            _forget(os.path.join(self._out, "exit.json"))  # an earlier run's verdict must not be taken for ours
            self._trace = TraceFile(os.path.join(self._out, _SAMPLES))
        except OSError as error:
            raise Refused("start_failed", str(error))
        self._sysroot = sysroot
        self._sidecars = Sidecars(order.sidecar_python or sys.executable)
        self.absent = self._sidecars.start(order.sidecars, self._out)
        self.budget = Budget(order.budget_bytes, group_name, sysroot)
        self._started_s = time.monotonic()
        try:
            self._worker = Worker(
                order.argv,
                order.env,
                os.path.join(folder, order.cwd),
                os.path.join(self._out, "worker.log"),
                self.budget,
                self._sidecars,
            )
        except Exception as error:
            self._sidecars.stop()
            self.budget.remove()
            self._trace.close()
            raise Refused("start_failed", f"{type(error).__name__}: {error} (see also worker.log)")
        group = self.budget.group
        site = Site(
            sysroot, self._worker.pid, group.path if group else None, group.members if group else self._worker.watched
        )
        self._sampler = Sampler(self._trace, site, order.rate_hz, order.pss_rate_hz, self._faults, order.burst_hz)

    @property
    def pid(self) -> int:
        return self._worker.pid

    @property
    def sidecar_pids(self) -> List[int]:
        """Each leads a process group of its own."""
        return [process.pid for process in self._sidecars.running.values()]

    @property
    def tick_due_s(self) -> Optional[float]:
        return None if self._worker.ended else self._sampler.due_s

    @property
    def kill_due_s(self) -> Optional[float]:
        return self._kill_at_s

    def tick(self) -> Optional[Dict[str, Any]]:
        return self._sampler.tick()

    def stop(self, grace_s: float) -> None:
        """Ask the tree to end; `kill_due_s` says when to call `kill`. Asking again only shortens the grace."""
        kill_at_s = time.monotonic() + grace_s
        self._worker.kill(signal.SIGTERM)
        self._kill_at_s = min(kill_at_s, self._kill_at_s) if self._kill_at_s else kill_at_s

    def kill(self) -> None:
        self._kill_at_s = None
        self._killing = True
        self._worker.kill()

    def on_child(self) -> bool:
        """Called on SIGCHLD; True when the whole tree is gone."""
        gone = self._worker.reap()
        for name, code in self._sidecars.newly_ended().items():
            self._faults.note(name, f"ended with code {code}; why stands in {name}.jsonl and {name}.log")
        if self._worker.ended and self._ended_s is None:
            self._ended_s = time.monotonic()
            self._killing = True  # what a worker leaves behind has no purpose
        if self._killing and not gone:
            self._worker.kill()  # again at each death: a child forked during the last pass shows up here
        return gone

    def finish(self) -> Dict[str, Any]:
        """The tree is gone: write the verdict, remove the group; answers the exit event.

        The event says all that the file does: a full disk must not cost the verdict.
        """
        peak_bytes, oom_kills = self.budget.peak_bytes(), self.budget.oom_kills()
        self._sidecars.stop()
        self._sampler.close()
        self._trace.close()
        if not self.budget.remove():
            self._faults.note("cgroup", f"{self.budget.detail} could not be removed")
        ended_s = round(self._ended_s or time.monotonic(), 6)
        verdict = {
            "format": _FORMAT,
            "pid": self.pid,
            "returncode": self._worker.returncode,
            "signal": self._worker.signal,
            "oom_kills": oom_kills,
            "kernel_log": kernel_log.since(self._sysroot, self._started_s) if self._worker.signal else [],
            "budget_bytes": self.budget.limit_bytes,
            "budget_kind": self.budget.kind,
            "budget_detail": self.budget.detail,
            "cgroup_peak_bytes": peak_bytes,
            "max_rss_bytes": self._worker.max_rss_bytes,
            "worker_cpu_s": self._worker.cpu_s,
            "started_s": round(self._started_s, 6),
            "ended_s": ended_s,
            "ticks": self._sampler.ticks,
            "late_ticks": self._sampler.late_ticks,
            "missed_ticks": self._sampler.missed_ticks,
            "burst_ticks": self._sampler.burst_ticks,
            "lost_lines": self._trace.lost,
            "samples_file": _SAMPLES,
            "sidecars_absent": self.absent,
            "agent_cpu_s": round(time.process_time() - self._cpu_before_s, 6),
            "faults": self._faults.all,
        }
        try:
            write_atomically(os.path.join(self._out, "exit.json"), verdict)
        except OSError as error:
            self._faults.note("exit.json", str(error))
        return dict(verdict, event="exit", t_s=ended_s)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
