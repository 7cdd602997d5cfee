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
from harness.twins import StandIn, twins


class Said(NamedTuple):
    """Something a board's agent or a program of the controller said. `who` is a board's name, or a program's."""

    who: str
    event: dict[str, Any]


class Rack:
    """Context manager: leaving it lets go of every board."""

    def __init__(
        self, specs: Sequence[BoardSpec], identity: Path | None = None, spares: Sequence[BoardSpec] = ()
    ) -> None:
        """`identity`: the file with the run's certificate and key; None: no data plane is needed."""
        self.identity = identity
        self.inbox: queue.Queue[Said] = queue.Queue()
        self.boards = {spec.name: Board(spec, self._hear) for spec in specs}
        self.spares = list(spares)  # that may stand in for a board, as long as they are here
        self.left: dict[str, Board] = {}  # boards in whose place another one works
        self._software: dict[str, tuple[str, ...]] = {}  # by client: what its board ran when it last could

    def _hear(self, board: Board, event: dict[str, Any]) -> None:
        if self.boards.get(board.name) is board:  # last words of one that was let go concern nobody
            self.inbox.put(Said(board.name, event))

    def prepare(self, run_id: str, payloads: Sequence[Payload], told: Callable[[Board], None]) -> None:
        """Connect to all boards at once. A board that fails is broken and says why; `told` hears of each."""

        def one(board: Board) -> None:
            if board.failure is None:  # it was not left out
                self._prepare(board, run_id, payloads)
            told(board)

        self.each(list(self.boards.values()), one)

    def revive(self, names: Sequence[str], run_id: str, payloads: Sequence[Payload]) -> list[str]:
        """Begin anew with boards that broke; returns those that can be used again."""
        for name in names:
            old = self.boards[name]
            old.hang_up()  # one that still answers would hold its lease, and the run's settings
            self.boards[name] = Board(old.spec, self._hear, old.in_place_of)
        self.each([self.boards[name] for name in names], lambda board: self._prepare(board, run_id, payloads))
        return [name for name in names if self.boards[name].usable]

    def stand_in(self, name: str, run_id: str, payloads: Sequence[Payload]) -> Board | None:
        """Let a spare twin take the place of a board that is out; None where no twin can, or has its software."""
        out = self.boards[name]
        assert out.failure is not None, "only a board that is out is replaced"
        for spec in twins(out.spec, self.spares):
            self.spares.remove(spec)
            twin = Board(spec, self._hear, StandIn(out.client, out.failure.message))
            self.each([twin], lambda board: board.prepare(run_id, payloads, self.identity))
            if twin.usable and self._software.get(out.client, twin.software) == twin.software:
                self.left[name] = out
                present = [twin if board is out else board for board in self.boards.values()]
                self.boards = {board.name: board for board in present}
                return twin
            twin.close()
        return None

    def _prepare(self, board: Board, run_id: str, payloads: Sequence[Payload]) -> None:
        board.prepare(run_id, payloads, self.identity)
        if board.usable:
            self._software[board.client] = board.software

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
    def everybody(self) -> dict[str, Board]:
        """Also those in whose place another one works."""
        return {**self.left, **self.boards}

    @property
    def usable(self) -> list[Board]:
        return [board for board in self.boards.values() if board.usable]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.each(list(self.boards.values()), Board.close)
