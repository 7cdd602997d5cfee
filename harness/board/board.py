"""A board's life as a named state machine. The first failure is kept; a broken board stays visibly broken."""

from __future__ import annotations

import enum
import getpass
import os
import shlex
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.board.agent_line import LEASE_S, AgentLine, Event, board_time
from harness.board.deploy import deploy
from harness.board.second_look import look, meaning
from harness.board.surroundings import Surroundings
from harness.circumstances import Circumstances, Told
from harness.clock import BoardTime, ClockReading
from harness.connect import connect
from harness.connect.base import Connection, endpoint
from harness.connect.ssh import SshConnection
from harness.errors import AgentLost, BoardBusy, BoardError, CommandFailed
from harness.facts.base import read
from harness.facts.install import install
from harness.images import fingerprint
from harness.inventory import BoardSpec
from harness.load.image import load_image
from harness.payload import Payload
from harness.study import Cell
from harness.twins import StandIn

ASK_TIMEOUT_S = 30.0
STOP_GRACE_S = 3.0
PSS_RATE_HZ = 1.0
IDENTITY = "run/identity.pem"
RAW_FILES = ("exit.json", "events.jsonl", "samples.jsonl", "worker.log")
REST_BEFORE, REST_AFTER = "rest_before", "rest_after"  # folders below a cell's
REST_FILES = ("exit.json", "samples.jsonl")

# Without a fixed threshold glibc moves large tensors into a fragmented heap: peaks then vary by 6 % between runs and
# hide what a method saves (measured: 0.1 % with it). Every tensor is then mapped afresh, and page faults cost 1.5 times
# the step; huge pages (glibc >= 2.35, ignored elsewhere) give most of that back. Study field `allocator`.
ALLOCATORS = {
    "fixed": {
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "65536",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    },
    "default": {},
}


class BoardState(enum.Enum):
    NEW = "new"
    READY = "ready"  # connected, code deployed, lease taken
    RUNNING = "running"  # a worker runs
    BROKEN = "broken"  # see `failure`
    CLOSED = "closed"


class Board:
    """One board for the length of a run. Events of its agent go to `listener(board, event)`, in another thread."""

    def __init__(
        self, spec: BoardSpec, listener: Callable[[Board, Event], None], in_place_of: StandIn | None = None
    ) -> None:
        self.spec = spec
        self.name = spec.name
        self.in_place_of = in_place_of
        self.client = in_place_of.client if in_place_of else spec.name  # its name in the federation
        self.state = BoardState.NEW
        self.failure: BoardError | None = None
        self.facts: dict[str, Any] = {}
        self.copied_bytes = 0
        self.put_back: tuple[str, ...] = ()  # settings that an earlier run had left
        self.second_look = ""  # what was seen when it was asked again, after it was lost
        self.not_restored = ""  # why the board does not have its own settings back
        self._listener = listener
        self._connection: Connection | None = None
        self._agent: AgentLine | None = None
        self._surroundings: Surroundings | None = None
        self._python = spec.python  # the worker's
        self._agent_python = spec.python  # the inventory's, but where the worker's is in a container
        self._environment: Mapping[str, str] = {}  # of the image
        self._image = ""  # which one, exactly
        self._at_rest = threading.Event()  # no program that only waits is running
        self._at_rest.set()

    @property
    def usable(self) -> bool:
        return self.state in (BoardState.READY, BoardState.RUNNING)

    @property
    def software(self) -> tuple[str, ...]:
        """What must agree between a board and its twin: image and what of it is installed, system, interpreter."""
        return (self._image, *(str(self.facts.get(name)) for name in ("system", "machine", "python")))

    def prepare(self, run_id: str, payloads: Sequence[Payload], identity: Path | None = None) -> None:
        """Connect, deploy, start the agent and take the board's lease. On failure the board is broken, not raised.

        `identity`: the run's certificate and key, which the board holds for as long as the run.
        """
        try:
            self._connection = connect(self.spec)
            self._find_interpreter(self._connection)
            self.copied_bytes = deploy(self._connection, self.spec, payloads)
            code = next(payload for payload in payloads if payload.kind == "code")
            self._agent = self._open_agent(self._connection, code)
            self._take_lease(self._agent, run_id)
            self._connection.run(self._forget_run)  # what a cut-off run left behind
            if identity is not None:
                self._connection.run(f"mkdir -m 700 {shlex.quote(self.spec.root)}/run")
                self._connection.put(identity, f"{self.spec.root}/{IDENTITY}")
            self._surroundings = Surroundings(self.spec, self._connection, self.facts["system"], self._image)
            self.put_back = self._surroundings.settle()
            self.state = BoardState.READY
        except BoardError as error:
            self.fail(error)

    def fail(self, error: BoardError) -> None:
        """Keep the first failure and let go of the board."""
        if self.failure is None:
            self.failure = error
            self.state = BoardState.BROKEN
        self.hang_up()

    def quarantine(self, error: BoardError) -> None:
        """Take it out of the run; unlike a failure, this stands whatever came before."""
        self.failure, self.state = error, BoardState.BROKEN
        self.hang_up()

    def reach_back(self, port: int) -> str:
        """A port of this machine, through the SSH connection, as an address on the board. Raises `BoardError`."""
        assert isinstance(self._connection, SshConnection), "the inventory allows a tunnel through SSH alone"
        return endpoint("127.0.0.1", self._connection.reach_back(port))

    def start(
        self, cell: Cell, code: Payload, data: Payload | None, server: str, edge: str | None, out: str, rejoin_s: float
    ) -> Event:
        """Start the cell's worker, which looks for a lost server for `rejoin_s`; returns what the agent says of its
        budget. Raises `BoardError`."""
        worker = ["fl_core.worker", "--server", server, "--client", self.client, "--rejoin-s", f"{rejoin_s:g}"]
        worker += ["--edge", edge] if edge else []
        files = ["--data", data.folder if data else ".", "--events", f"{out}/events.jsonl", "--tls", IDENTITY]
        environment = {
            **self._environment,
            "PYTHONPATH": code.folder,
            "OMP_NUM_THREADS": str(cell.threads),
            **ALLOCATORS[cell.allocator],
        }
        budget_bytes = cell.budget_bytes or self.spec.memory_budget_bytes
        return self.start_program([self._python, "-m", *worker, *files], out, environment, budget_bytes)

    def start_program(
        self,
        argv: Sequence[str],
        out: str,
        environment: Mapping[str, str],
        budget_bytes: int | None,
        rate_hz: float | None = None,
    ) -> Event:
        """Start a program under the agent's eyes. Raises `BoardError`."""
        watched = self.spec.observation
        answer = self._ask(
            "start",
            argv=list(argv),
            env=dict(environment),
            cwd=".",
            out=out,
            budget_bytes=budget_bytes,
            rate_hz=rate_hz or watched.rate_hz,
            pss_rate_hz=PSS_RATE_HZ,
            burst_hz=watched.burst_hz,
            sidecars=list(watched.sidecars),
            sidecar_python=watched.sidecar_python,
        )
        self.state = BoardState.RUNNING
        return answer

    def before_cell(self, out: str) -> None:
        """Let the board cool down, note its circumstances, watch it at rest. Raises `BoardError`."""
        assert self._surroundings is not None, "prepare comes first"
        self._surroundings.before_cell()
        self._rest(f"{out}/{REST_BEFORE}")

    def after_cell(self, out: str) -> None:
        """Watch it at rest again. Raises `BoardError`."""
        self._rest(f"{out}/{REST_AFTER}")

    def circumstances(self, told: Told) -> Circumstances | None:
        """Of the cell that has just ended; None where the board was gone before it could say."""
        if self._surroundings is None or self._connection is None:
            return None
        return self._surroundings.after_cell(told)

    def _rest(self, out: str) -> None:
        """The same sampling as in a cell, beside a program that only waits."""
        seconds = self.spec.observation.idle_s
        if seconds > 0:
            self._at_rest.clear()
            self.start_program(["sleep", f"{seconds:g}"], out, {}, None)
            if not self._at_rest.wait(seconds + ASK_TIMEOUT_S):
                raise AgentLost(self.name, f"the agent did not say that {seconds:g} s of rest are over")
            self.state = BoardState.READY

    def clock(self) -> BoardTime:
        """The board's clocks, as its agent reads them now."""
        return board_time(self._ask("ping"))

    def take_clock(self) -> list[ClockReading]:
        """What the signs of life told of the board's clock since the last call: one reading every few seconds."""
        return self._agent.take_clock() if self._agent is not None else []

    def pause_observer(self, sidecar_pids: Sequence[int], seconds: float) -> None:
        """Stop the agent and its sidecars for so long, and return at once: how the observer's cost is measured."""
        assert self._connection is not None, "prepare comes first"
        self._connection.run(pausing([self.facts["agent_pid"], *(-leader for leader in sidecar_pids)], seconds))

    def stop(self) -> None:
        """End the worker, if one runs."""
        if self.state is BoardState.RUNNING:
            self._ask("stop", grace_s=STOP_GRACE_S)
            self.state = BoardState.READY

    def worker_ended(self) -> None:
        """The agent said so."""
        if self.state is BoardState.RUNNING:
            self.state = BoardState.READY

    def collect(self, out: str, target: Path, more: Sequence[str] = ()) -> None:
        """Fetch the raw files of a cell, and `more` of its folder; what the board does not have stays missing."""
        assert self._connection is not None, "prepare comes first"
        sidecars = tuple(f"{name}{ending}" for name in self.spec.observation.sidecars for ending in (".jsonl", ".log"))
        folders = {"": (*RAW_FILES, *sidecars, *more)}
        if self.spec.observation.idle_s > 0:
            folders.update(dict.fromkeys((REST_BEFORE, REST_AFTER), (*REST_FILES, *sidecars)))
        for folder, names in folders.items():
            (target / folder).mkdir(parents=True, exist_ok=True)
            for name in names:
                try:
                    self._connection.get(f"{self.spec.root}/{out}/{folder}/{name}", target / folder / name)
                except CommandFailed:
                    continue
        self._connection.run(f"rm -rf {shlex.quote(self.spec.root)}/{shlex.quote(out)}")

    def look_again(self) -> None:
        """Once, for a board that was lost: what answers there now."""
        if self.failure is not None and not self.second_look and (seen := look(self.spec)) is not None:
            self.second_look = meaning(seen, self.facts.get("boot_id"))

    def restore(self) -> None:
        """Give back what was set for the run. A board that keeps it is broken, until the next run has put it back."""
        surroundings, self._surroundings = self._surroundings, None
        try:
            if surroundings is not None:
                surroundings.restore()
        except BoardError as error:
            self.not_restored = "; ".join(filter(None, (error.message, error.remedy)))
            if self.failure is None:
                self.failure = error
                self.state = BoardState.BROKEN

    def close(self) -> None:
        """End our part on the board: agent, lease, what the run left there, connection."""
        if self._connection is not None:
            try:
                self._connection.run(self._forget_run)
            except BoardError:
                pass  # the next run does it
        self.hang_up()
        if self.state is not BoardState.BROKEN:
            self.state = BoardState.CLOSED

    def hang_up(self) -> None:
        """Cut the lines; the agent then ends its worker and itself."""
        agent, connection = self._agent, self._connection
        self._agent = self._connection = None
        if agent is not None:
            agent.close()
        self.restore()
        if connection is not None:
            connection.close()

    @property
    def _forget_run(self) -> str:
        return f"rm -rf {shlex.quote(self.spec.root)}/run"

    def _find_interpreter(self, connection: Connection) -> None:
        """What `fedrack provision` installed, or else what the inventory names."""
        installed = read(connection, install(self.spec.root)).value
        self._python = installed.python if installed and installed.python else self.spec.python
        image = load_image(self.spec.image)
        self._agent_python = self._python if image.interpreter.container else self.spec.python
        self._environment = image.environment
        exactly = f"{self.spec.image}@{fingerprint(self.spec.image)}"
        self._image = f"{exactly}, installed {installed.digest}" if installed and installed.digest else exactly

    def _open_agent(self, connection: Connection, code: Payload) -> AgentLine:
        python, root = shlex.quote(self._agent_python), shlex.quote(self.spec.root)
        command = f"cd {root} && PYTHONPATH={code.folder} exec {python} -m agent --root ."
        return AgentLine(self.name, connection.open(command), self._hear)

    def _hear(self, event: Event) -> None:
        """Events go to the listener, but for the end of a rest, which concerns nobody else."""
        resting = not self._at_rest.is_set()
        if event["event"] in ("exit", "closed"):
            self._at_rest.set()
        if not (resting and event["event"] == "exit"):
            self._listener(self, event)

    def _take_lease(self, line: AgentLine, run_id: str) -> None:
        holder = {"user": getpass.getuser(), "host": socket.gethostname(), "run": run_id, "pid": os.getpid()}
        answer = line.ask("hello", ASK_TIMEOUT_S, holder=holder, lease_s=LEASE_S)
        if answer["ok"]:
            agent = answer["agent"]
            self.facts = {**answer["board"], "python": agent["python"], "agent_pid": agent["pid"]}
        elif answer["error"] == "busy":
            raise BoardBusy(self.name, f"in use by {_holder(answer.get('holder') or {})}", remedy="wait for that run")
        else:
            raise AgentLost(self.name, f"the agent refused to begin: {answer['detail']}")

    def _ask(self, do: str, **facts: Any) -> Event:
        if self._agent is None:
            raise AgentLost(self.name, "no line to the board's agent")
        answer = self._agent.ask(do, ASK_TIMEOUT_S, **facts)
        if not answer["ok"]:
            raise AgentLost(self.name, f"{do} refused: {answer['detail']}")
        return answer


def pausing(pids: Sequence[int], seconds: float) -> str:
    """A command that stops processes (a process group, where negative), and leaves behind on the board what continues
    them, whatever becomes of us."""
    those = " ".join(map(str, pids))
    later = f"(trap '' HUP; sleep {seconds:g}; kill -CONT {those})"
    return f"kill -STOP {those} && {{ {later} >/dev/null 2>&1 </dev/null & }}"


def _holder(holder: dict[str, Any]) -> str:
    who = f"{holder.get('user', 'somebody')}@{holder.get('host', 'an unknown machine')}"
    return f"{who}, run {holder.get('run', 'unknown')}, process {holder.get('pid', 'unknown')}"
