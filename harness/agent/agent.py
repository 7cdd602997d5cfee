"""What each request does. Answers are dicts; a refusal is an exception; the loop does the rest."""

import os
import time
from typing import Any, Callable, Dict, List, Optional

from . import board, cgroup
from .errors import Refused
from .lease import Lease
from .order import number, parsed
from .run import Run

_LEASE_S = 20.0
_GRACE_S = 2.0

Answer = Optional[Dict[str, Any]]  # None: the answer follows when the tree is gone


class Agent:
    def __init__(self, folder: str, sysroot: str, send: Callable[[Dict[str, Any]], None]) -> None:
        self._folder = folder
        self._sysroot = sysroot
        self._send = send
        self._lease = Lease(folder)
        self._lease_s = 0.0
        self._heard_s = 0.0
        self._runs = 0
        self._waiting: List[Dict[str, Any]] = []
        self.run: Optional[Run] = None
        self.leaving = False

    @property
    def lease_due_s(self) -> Optional[float]:
        return self._heard_s + self._lease_s if self._lease.held else None

    def answer(self, request: Dict[str, Any]) -> None:
        """Any request counts as a sign of life. Nothing that it causes may end the loop."""
        self._heard_s = time.monotonic()
        try:
            handler = _HANDLERS.get(request["do"])
            if handler is None:
                known = ", ".join(sorted(_HANDLERS))
                raise Refused("unknown_request", f"{request['do']!r} is none of {known}")
            reply = handler(self, request)
        except Refused as refusal:
            self.refuse(request.get("id"), refusal)
        except Exception as error:
            self.refuse(request.get("id"), Refused("internal", f"{type(error).__name__}: {error}"))
        else:
            if reply is None:
                self._waiting.append(request)
            else:
                self._send(dict({"id": request.get("id"), "ok": True}, **reply))

    def refuse(self, request_id: Any, refusal: Refused) -> None:
        self._send(
            dict({"id": request_id, "ok": False, "error": refusal.code, "detail": refusal.detail}, **refusal.extra)
        )

    def on_child(self) -> None:
        if self.run is not None and self.run.on_child():
            run, self.run = self.run, None
            self._send(run.finish())
            waiting, self._waiting = self._waiting, []
            for request in waiting:
                self._send({"id": request.get("id"), "ok": True})

    def abandon(self) -> None:
        """The end. A tree that is still there hangs in the kernel; the verdict is written all the same."""
        if self.run is not None:
            self.run.kill()
            self.run.finish()
        self._lease.release()

    def _hello(self, request: Dict[str, Any]) -> Answer:
        lease_s = number(request, "lease_s", _LEASE_S)
        if not isinstance(request.get("holder"), dict):
            raise Refused("bad_request", "wanted: holder: an object that says who takes the board")
        holder = self._lease.take(request["holder"])
        if holder is not None:
            raise Refused("busy", f"the board is held by {holder or 'somebody'}", holder=holder)
        self._lease_s = lease_s
        # Safe because the tag is this lease's own: such groups can only be a dead agent's, or this run's.
        stale = [] if self.run else cgroup.sweep(self._group_name(""), self._sysroot)
        return {
            "agent": board.about_agent(),
            "board": board.about_board(self._sysroot, self._group_name("probe")),
            "stale_groups": stale,
        }

    def _start(self, request: Dict[str, Any]) -> Answer:
        if not self._lease.held:
            raise Refused("no_lease", "say hello first")
        if self.run is not None:
            raise Refused("running", f"worker {self.run.pid} is still there")
        order = parsed(request)
        self._runs += 1
        name = self._group_name(f"{os.getpid()}-{self._runs}")
        self.run = Run(order, self._folder, name, self._sysroot, self._send)
        budget = self.run.budget
        return {
            "pid": self.run.pid,
            "budget_kind": budget.kind,
            "budget_detail": budget.detail,
            "sidecars_absent": self.run.absent,
            "sidecar_pids": self.run.sidecar_pids,
        }

    def _stop(self, request: Dict[str, Any]) -> Answer:
        grace_s = number(request, "grace_s", _GRACE_S)
        if self.run is None:
            return {}
        self.run.stop(grace_s)
        return None

    def _ping(self, request: Dict[str, Any]) -> Answer:
        both = time.monotonic(), time.clock_gettime(time.CLOCK_MONOTONIC_RAW)
        return {"t_s": round(both[0], 6), "raw_s": round(both[1], 6)}

    def _bye(self, request: Dict[str, Any]) -> Answer:
        answer = self._stop(request)
        self.leaving = True
        return answer

    def _group_name(self, suffix: str) -> str:
        return f"fedrack-{self._lease.tag}-{suffix}"


_HANDLERS: Dict[str, Callable[[Agent, Dict[str, Any]], Answer]] = {
    "hello": Agent._hello,
    "start": Agent._start,
    "stop": Agent._stop,
    "ping": Agent._ping,
    "bye": Agent._bye,
}
