"""One cell on the rack: FL server here, workers there, everything that was measured brought home."""

from __future__ import annotations

import json
import queue
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.board.board import Board
from harness.cell_programs import EDGE, JOB, REJOIN_S, SERVER, CellPrograms
from harness.circumstances import Circumstances
from harness.clock import ClockReading, read_clock
from harness.connect.base import endpoint
from harness.datasets import DataFiles
from harness.errors import AgentLost
from harness.inventory import BoardSpec
from harness.metering import metering
from harness.payload import Payload
from harness.plugins import place
from harness.rack import Rack, Said
from harness.store import RunFolder, now_utc, write_json
from harness.study import Cell
from harness.told import told
from harness.verdict import EXIT, Ending, Seen, keep_exit, verdict

START_TIMEOUT_S = 60.0  # of the FL server, torch's import included
FINISH_TIMEOUT_S = 20.0  # of workers, once the server is done
JOB_FIELDS = (
    "method", "model", "dataset", "partition", "batch", "rounds", "learning_rate", "seed", "options",
    "batches_per_round", "local_epochs", "momentum", "weight_decay", "threads",
)  # fmt: skip

Show = Callable[[Said], None]


@dataclass(kw_only=True)
class _CellRun:
    """What is known while a cell runs."""

    cell: Cell
    rack: Rack
    out: str  # the cell's folder on a board, below its root
    show: Show
    deadline_s: float = 0.0
    starts: dict[str, dict[str, Any]] = field(default_factory=dict)  # board -> the agent's answer to start
    running: set[str] = field(default_factory=set)
    ended_by_us: set[str] = field(default_factory=set)
    exits: dict[str, dict[str, Any]] = field(default_factory=dict)  # board -> how its worker ended, as the agent said
    clocks: dict[str, list[ClockReading]] = field(default_factory=dict)  # board -> its clock against ours
    circumstances: dict[str, Circumstances | None] = field(default_factory=dict)
    server_events: list[dict[str, Any]] = field(default_factory=list)
    over: str | None = None  # done, failed, timed_out
    reason: str = ""


def run_cell(cell: Cell, rack: Rack, folder: RunFolder, code: Payload, data: DataFiles, data_payload: Payload | None,
             show: Show) -> dict[str, Any]:  # fmt: skip
    """Run the cell to its verdict and write it. Raises KeyboardInterrupt through, with every program ended."""
    started_utc = now_utc()
    path = folder.cell(cell.cell_id)
    shutil.rmtree(path, ignore_errors=True)  # what an interrupted try left
    path.mkdir(parents=True)
    run = _CellRun(cell=cell, rack=rack, out=f"run/{folder.run_id}/{cell.cell_id}", show=show)
    _drain(rack.inbox)
    with metering([board.spec for board in rack.usable], path / "raw"):
        rack.each(rack.usable, lambda board: board.before_cell(run.out))
        run.deadline_s = time.monotonic() + cell.timeout_s
        _train(run, path, data, code, data_payload)
        rack.each([board for board in rack.usable if board.name in run.starts], lambda board: board.after_cell(run.out))
    _collect(run, path)
    rack.each([board for board in rack.boards.values() if board.name in run.starts], Board.look_again)
    done: dict[str, Any] = next((event for event in reversed(run.server_events) if event["event"] == "done"), {})
    ending = Ending(over=run.over, reason=run.reason, parameters_sha256=done.get("parameters_sha256"))
    seen = {name: _seen(run, name) for name in rack.boards}
    content = verdict(cell, rack.boards, seen, ending, path, started_utc)
    write_json(folder.verdict_file(cell.cell_id), content)
    return content


def _train(run: _CellRun, path: Path, data: DataFiles, code: Payload, data_payload: Payload | None) -> None:
    """From the start of the FL server to the end of every program of the cell, whatever happens in between."""
    rack = run.rack
    programs = CellPrograms(
        folder=path,
        data=data.folder,
        identity=rack.identity,
        host=_listen_address(rack),
        hear=lambda who, event: rack.inbox.put(Said(who, event)),
    )
    try:
        if rack.usable:
            _serve(run, path, code, data_payload, programs)
            _finish_workers(run)
        else:
            run.over, run.reason = "failed", "none of its boards could be used"
    finally:
        programs.end(finished=run.over == "done")
        run.ended_by_us = set(run.running)
        rack.each([board for board in rack.usable if board.name in run.starts], Board.stop)


def _drain(inbox: queue.Queue[Said]) -> None:
    while not inbox.empty():
        inbox.get_nowait()


def _serve(run: _CellRun, path: Path, code: Payload, data: Payload | None, programs: CellPrograms) -> None:
    """Start server, edge and workers, then follow events until the server is done or the cell is over otherwise."""
    specs = {board.client: board.spec for board in run.rack.boards.values()}
    write_json(path / JOB, job_of(run.cell, specs))
    programs.start_server()
    listening = _wait_for_server(run)
    if listening is None:
        return
    port = programs.found(str(listening["address"]))
    if listening["splits"]:
        programs.start_edge()
    _start_workers(run, programs, port, code, data)
    while run.over is None:
        said = _next(run)
        if said is None:
            run.over, run.reason = "timed_out", f"the cell took longer than {run.cell.timeout_s:.0f} s"
        else:
            _take(run, said, programs)


def job_of(cell: Cell, boards: Mapping[str, BoardSpec]) -> dict[str, Any]:
    """The cell as the FL core's job; `boards` by client. A round may take half of the cell's time, so that a stalled
    board is dropped while the others can still finish."""
    fields = {key: getattr(cell, key) for key in JOB_FIELDS}
    fields["method"] = place(cell.method)
    facts = {client: _client_facts(cell, boards[client]) for client in cell.boards if client in boards}
    waits = {"round_timeout_s": cell.timeout_s / 2, "rejoin_timeout_s": REJOIN_S}
    return {"format": 1, "clients": list(cell.boards), **fields, "client_facts": facts, **waits}


def _client_facts(cell: Cell, board: BoardSpec) -> dict[str, Any]:
    """What methods may know of a board before it joins."""
    budget_bytes = cell.budget_bytes or board.memory_budget_bytes
    return {"board_class": board.board_class, "memory_budget_bytes": budget_bytes}


def _listen_address(rack: Rack) -> str:
    """The one address that all boards know us by, or every address of this machine."""
    addresses = {board.spec.server_address for board in rack.boards.values()}
    return addresses.pop() if len(addresses) == 1 else "0.0.0.0"


def _next(run: _CellRun) -> Said | None:
    """The next thing anybody says; None once the cell's time is up."""
    try:
        return run.rack.inbox.get(timeout=max(0.0, run.deadline_s - time.monotonic()))
    except queue.Empty:
        return None


def _wait_for_server(run: _CellRun) -> dict[str, Any] | None:
    """Its word that it listens, where, and whether the method splits; None with the cell over."""
    run.deadline_s, cell_deadline_s = min(run.deadline_s, time.monotonic() + START_TIMEOUT_S), run.deadline_s
    while run.over is None:
        said = _next(run)
        if said is None:
            run.over, run.reason = "failed", f"the FL server did not start within {START_TIMEOUT_S:.0f} s"
        elif said.who == SERVER and said.event["event"] == "listening":
            run.deadline_s = cell_deadline_s
            return said.event
        else:
            _take(run, said, None)
    return None


def _start_workers(run: _CellRun, programs: CellPrograms, port: str, code: Payload, data: Payload | None) -> None:
    def start(board: Board) -> None:
        board.take_clock()
        run.clocks[board.name] = [read_clock(board.clock)]
        server, edge = _addresses(board, programs, port)
        run.starts[board.name] = board.start(run.cell, code, data, server, edge, run.out, REJOIN_S)
        run.running.add(board.name)

    run.rack.each(run.rack.usable, start)
    for board in run.rack.boards.values():
        if board.name not in run.running:
            programs.gone(board.client, str(board.failure.message if board.failure else "did not start"))


def _addresses(board: Board, programs: CellPrograms, port: str) -> tuple[str, str | None]:
    """Of the FL server and the edge server, as the board reaches them; None: where the FL server says."""
    if not board.spec.reverse_tunnel:
        return endpoint(board.spec.server_address, port), None
    edge = programs.edge_port()
    return board.reach_back(int(port)), None if edge is None else board.reach_back(edge)


def _take(run: _CellRun, said: Said, programs: CellPrograms | None) -> None:
    """One event: keep it, show it, and tell the server of a worker that will not answer."""
    run.show(said)
    event = said.event
    if said.who in (SERVER, EDGE):
        _take_from_program(run, said, programs)
        return
    if event["event"] == "exit":
        run.exits[said.who] = event
        run.rack.boards[said.who].worker_ended()
        run.running.discard(said.who)
        if programs is not None:
            programs.gone(run.rack.boards[said.who].client, f"its worker ended ({_ending(event)})")
    elif event["event"] == "closed" and run.rack.boards[said.who].usable:
        run.rack.boards[said.who].fail(AgentLost(said.who, "the line to the agent was cut"))
        run.running.discard(said.who)
        if programs is not None:
            programs.gone(run.rack.boards[said.who].client, "the line to the board was cut")


def _take_from_program(run: _CellRun, said: Said, programs: CellPrograms | None) -> None:
    event = said.event
    if said.who == SERVER:
        run.server_events.append(event)
    if event["event"] == "done":
        run.over = "done"
    elif event["event"] == "failed":
        run.over, run.reason = "failed", f"{said.who}: {event['reason']}"
    elif event["event"] == "ended" and run.over is None:
        if said.who == SERVER and programs is not None and programs.revive_server():
            return
        code = event["returncode"]
        run.over, run.reason = "failed", f"the {said.who} ended with exit code {code}; see its log in the cell's folder"


def _ending(event: dict[str, Any]) -> str:
    if event.get("oom_kills"):
        return "killed for memory"
    return f"signal {event['signal']}" if event.get("signal") else f"exit code {event.get('returncode')}"


def _finish_workers(run: _CellRun) -> None:
    """Give workers that were told to finish the time to write their last lines."""
    run.deadline_s = time.monotonic() + (FINISH_TIMEOUT_S if run.over == "done" else 0.0)
    while run.running:
        said = _next(run)
        if said is None:
            return
        _take(run, said, None)


def _hear_last_words(run: _CellRun) -> None:
    """Of workers that were stopped when nobody listened any more."""
    while not run.rack.inbox.empty():
        said = run.rack.inbox.get_nowait()
        if said.event["event"] == "exit":
            run.exits[said.who] = said.event


def _collect(run: _CellRun, path: Path) -> None:
    _hear_last_words(run)

    def fetch(board: Board) -> None:
        board.collect(run.out, path / "raw" / board.name)
        keep_exit(path / "raw" / board.name / EXIT, run.exits.get(board.name))
        run.clocks[board.name] += _until(read_clock(board.clock), run.clocks[board.name][0], board.take_clock())
        run.circumstances[board.name] = board.circumstances(told(path / "raw" / board.name))

    run.rack.each([board for board in run.rack.usable if board.name in run.starts], fetch)
    with (path / "server.jsonl").open("w") as file:
        file.writelines(json.dumps(event) + "\n" for event in run.server_events)


def _until(last: ClockReading, first: ClockReading, between: Sequence[ClockReading]) -> list[ClockReading]:
    """The readings after the first, in order; one on its way as the cell began or ended belongs to neither side."""
    within = (each for each in between if first.controller_s < each.controller_s < last.controller_s)
    return [*within, last]


def _seen(run: _CellRun, name: str) -> Seen:
    return Seen(
        start=run.starts.get(name),
        ended_by_us=name in run.ended_by_us,
        clock=run.clocks.get(name, []),
        circumstances=run.circumstances.get(name),
    )
