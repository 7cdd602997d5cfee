"""A cell's verdict, `cell.json`: what became of each board, from the files that it left and what the harness saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.board.board import Board
from harness.circumstances import Circumstances, as_json
from harness.clock import ClockReading
from harness.outcome import Outcome, judge
from harness.store import FORMAT, now_utc, read_lines, read_mapping, write_json
from harness.study import Cell

EXIT = "exit.json"
LOG_TAIL_BYTES = 16384
LINE_CUT = "connection"  # the signature of a worker whose server went away


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the harness itself saw of one board."""

    start: Mapping[str, Any] | None  # the agent's answer; None: no worker was started
    ended_by_us: bool
    clock: Sequence[ClockReading]
    circumstances: Circumstances | None


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How the cell ended as a whole."""

    over: str | None  # done, failed, timed_out
    reason: str
    parameters_sha256: str | None


def keep_exit(file: Path, said: Mapping[str, Any] | None) -> None:
    """Where the board could not keep the agent's word of a worker's end (a full disk), what it said on the line."""
    if said is not None and read_mapping(file) is None:
        write_json(file, said)


def verdict(cell: Cell, boards: Mapping[str, Board], seen: Mapping[str, Seen], ending: Ending, path: Path,
            started_utc: str) -> dict[str, Any]:  # fmt: skip
    """The content of cell.json; `path` is the cell's folder, with the raw files in it."""
    return {
        "format": FORMAT,
        "cell_id": cell.cell_id,
        "cell": asdict(cell),
        "started_utc": started_utc,
        "finished_utc": now_utc(),
        "state": "finished" if ending.over == "done" else "failed",
        "reason": ending.reason,
        "parameters_sha256": ending.parameters_sha256,
        "boards": {
            name: _board(cell, board, seen[name], ending, path / "raw" / name) for name, board in boards.items()
        },
    }


def _board(cell: Cell, board: Board, seen: Seen, ending: Ending, raw: Path) -> dict[str, Any]:
    start = seen.start or {}
    outcome = _outcome(board, seen, ending, raw)
    return {
        "outcome": outcome.name,
        "detail": outcome.detail,
        "signature": outcome.signature,
        "budget_bytes": cell.budget_bytes or board.spec.memory_budget_bytes,
        "budget_kind": start.get("budget_kind"),
        "budget_detail": start.get("budget_detail"),
        "clock": [asdict(reading) for reading in seen.clock],
        "circumstances": as_json(seen.circumstances) if seen.circumstances else None,
        "board_class": board.spec.board_class,
        "virtual": board.spec.virtual,
        "in_place_of": board.in_place_of._asdict() if board.in_place_of else None,
    }


def _outcome(board: Board, seen: Seen, ending: Ending, raw: Path) -> Outcome:
    if seen.start is None:
        failure = board.failure
        return Outcome(name=failure.outcome, detail=str(failure.message)) if failure else Outcome(
            name="not_started", detail=ending.reason)  # fmt: skip
    facts = read_mapping(raw / EXIT)
    if facts is None and board.failure is not None:
        again = f"; asked again: {board.second_look}" if board.second_look else ""
        detail = f"{board.failure.message}; its files could not be fetched{again}"
        return Outcome(name=board.failure.outcome, detail=detail)
    rss = [sample["rss_bytes"] for sample in read_lines(raw / "samples.jsonl") if sample.get("rss_bytes")]
    outcome = judge(
        facts,
        read_lines(raw / "events.jsonl"),
        log_tail=_tail(raw / "worker.log"),
        killed_by_us=seen.ended_by_us,
        last_rss_bytes=rss[-1] if rss else None,
    )
    if ending.over == "done":
        return outcome
    # The cell did not end well: a worker that ended because of that has no fault of its own, and has not completed.
    if outcome.name in ("completed", "stopped") or outcome.signature == LINE_CUT:
        name = "timed_out" if ending.over == "timed_out" else "stopped"
        return replace(outcome, name=name, detail=f"{ending.reason}; {outcome.detail}".rstrip("; "))
    return outcome


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace") if log.is_file() else ""
