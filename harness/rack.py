"""The boards of a run, side by side: prepared, started, stopped and collected in parallel."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, Self

from harness.board.board import Board
from harness.errors import BoardError
from harness.inventory import BoardSpec
from harness.payload import Payload


class Said(NamedTuple):
    """Something a board's agent or a program of the controller said. `who` is a board's name, or a program's."""

    who: str
    event: dict[str, Any]


class Rack:
    """Context manager: leaving it lets go of every board."""

    def __init__(self, specs: Sequence[BoardSpec], identity: Path | None = None) -> None:
        """`identity`: the file with the run's certificate and key; None: no data plane is needed."""
        self.identity = identity
        self.inbox: queue.Queue[Said] = queue.Queue()
        self.boards = {spec.name: Board(spec, self._hear) for spec in specs}

    def _hear(self, board: Board, event: dict[str, Any]) -> None:
        self.inbox.put(Said(board.name, event))

    def prepare(self, run_id: str, payloads: Sequence[Payload], told: Callable[[Board], None]) -> None:
        """Connect to all boards at once. A board that fails is broken and says why; `told` hears of each."""

        def one(board: Board) -> None:
            board.prepare(run_id, payloads, self.identity)
            told(board)

        self.each(list(self.boards.values()), one)

    def revive(self, names: Sequence[str], run_id: str, payloads: Sequence[Payload]) -> list[str]:
        """Begin anew with boards that broke; returns those that can be used again."""
        for name in names:
            self.boards[name].hang_up()  # one that still answers would hold its lease, and the run's settings
            self.boards[name] = Board(self.boards[name].spec, self._hear)
        self.each([self.boards[name] for name in names], lambda board: board.prepare(run_id, payloads, self.identity))
        return [name for name in names if self.boards[name].usable]

    def each(self, boards: Sequence[Board], action: Callable[[Board], Any]) -> None:
        """Do something with several boards at once; a board that fails is broken, the others go on."""

        def guarded(board: Board) -> None:
            try:
                action(board)
            except BoardError as error:
                board.fail(error)

        if not boards:
            return
        pool = ThreadPoolExecutor(max_workers=len(boards))
        try:
            list(pool.map(guarded, boards))
        except BaseException:
            for board in boards:
                board.hang_up()  # an interrupted copy would otherwise be waited for
            raise
        finally:
            pool.shutdown()

    def restore(self) -> None:
        """Give every board its own settings back; `not_restored` of a board says why it has not."""
        self.each(list(self.boards.values()), Board.restore)

    @property
    def usable(self) -> list[Board]:
        return [board for board in self.boards.values() if board.usable]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.each(list(self.boards.values()), Board.close)
