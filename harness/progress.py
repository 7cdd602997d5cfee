"""What a run shows while it runs: one row a board on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from harness.board.board import Board
from harness.rack import Said
from harness.study import Cell
from harness.units import show_bytes

REFRESH_PER_S = 4


@dataclass(kw_only=True)
class _Row:
    board_class: str
    state: str = "connecting"
    memory: str = ""
    last: str = ""


class Progress:
    """Context manager; every method may be called from any thread."""

    def __init__(self, console: Console, boards: dict[str, str], cells: int) -> None:
        self._console = console
        self._rows = {name: _Row(board_class=board_class) for name, board_class in boards.items()}
        self._board_of = {name: name for name in boards}  # by client: who has its place
        self._cells = cells
        self._done = 0
        self._title = "connecting to the boards"
        self._started_s = time.monotonic()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=REFRESH_PER_S, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def say(self, line: str, style: str = "") -> None:
        """A line that stays."""
        elapsed_s = time.monotonic() - self._started_s
        text = Text.assemble((f"{elapsed_s:6.1f} s  ", "dim"), (line, style))
        self._console.print(text, highlight=False, soft_wrap=True)

    def board_prepared(self, board: Board) -> None:
        row = self._rows[board.name]
        if board.failure is not None:
            row.state, row.last = board.failure.outcome, board.failure.message
            self.say(f"{board.failure.message}{_remedy(board)}", style="red")
            return
        copied = f"copied {show_bytes(board.copied_bytes)}" if board.copied_bytes else "nothing to copy"
        row.state, row.last = "ready", copied
        self.say(f"{board.name}: ready ({copied})")
        if board.put_back:
            what = ", ".join(board.put_back).replace("_", " ")
            self.say(f"{board.name}: an earlier run had left its {what} changed; restored", style="yellow")

    def stands_in(self, board: Board) -> None:
        """A twin has taken the place of a board."""
        assert board.in_place_of is not None
        del self._rows[self._board_of[board.client]]
        self._board_of[board.client] = board.name
        self._rows[board.name] = _Row(board_class=board.spec.board_class)
        self.board_prepared(board)
        self.say(f"{board.name}: stands in for {board.client} ({board.in_place_of.why})", style="yellow")

    def boards_restored(self, boards: Iterable[Board]) -> None:
        for board in boards:
            if board.not_restored:
                self.say(f"not as it was found: {board.not_restored}", style="red")

    def cell_begins(self, cell: Cell) -> None:
        self._title = cell.label
        for row in self._rows.values():
            if row.state in ("ready", "done"):
                row.state, row.memory, row.last = "starting", "", ""

    def cell_ends(self, cell: Cell, verdict: dict[str, Any]) -> None:
        self._done += 1
        outcomes = ", ".join(f"{name} {board['outcome']}" for name, board in verdict["boards"].items())
        self.say(f"[{self._done}/{self._cells}] {cell.label}: {outcomes}")
        for name, board in verdict["boards"].items():
            self._rows[name].last = board["detail"] or board["outcome"]

    def cell_skipped(self, cell: Cell) -> None:
        self._done += 1
        self.say(f"[{self._done}/{self._cells}] {cell.label}: finished before, kept")

    def show(self, said: Said) -> None:
        """One event of a board's agent or of the FL server."""
        event = said.event
        if event["event"] == "round":
            accuracy = "" if event["accuracy"] is None else f", accuracy {event['accuracy']:.3f}"
            for name in event["reported"]:
                self._rows[self._board_of[name]].last = f"round {event['round']}, stage {event['stage']}{accuracy}"
        elif event["event"] == "resumed":
            self.say(f"the FL server died: started again, it goes on after round {event['rounds']}", style="yellow")
        row = self._rows.get(said.who)
        if row is None:
            return
        if event["event"] == "tail":
            row.state, row.memory = "training", show_bytes(event["sample"].get("rss_bytes"))
        elif event["event"] == "exit":
            row.state, row.memory = "ready", ""

    def _table(self) -> Table:
        elapsed_s = time.monotonic() - self._started_s
        title = f"{self._done}/{self._cells} cells · {elapsed_s:.0f} s · {self._title}"
        table = Table(title=title, title_justify="left")
        for heading in ("board", "class", "state", "memory", "last"):
            table.add_column(heading, no_wrap=heading != "last")
        for name, row in self._rows.items():
            table.add_row(name, row.board_class, row.state, row.memory, Text(row.last))  # it may hold brackets
        return table


def _remedy(board: Board) -> str:
    return f" -> {board.failure.remedy}" if board.failure is not None and board.failure.remedy else ""
