"""Who takes part in a run: boards in quarantine are left out, twins stand in, and each board's record is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Self

from harness.admission import refusals
from harness.errors import Quarantined
from harness.payload import Payload
from harness.progress import Progress
from harness.rack import Rack
from harness.states import State, States


class Attendance:
    """Context manager: leaving it, the run holds no board any more."""

    def __init__(
        self, rack: Rack, states: States, run_id: str, payloads: Sequence[Payload], progress: Progress
    ) -> None:
        self._rack = rack
        self._states = states
        self._run_id = run_id
        self._payloads = payloads
        self._progress = progress

    def begin(self) -> None:
        """Prepare every board that may take part, and a twin for each that may not."""
        rack = self._rack
        code = next(payload for payload in self._payloads if payload.kind == "code")
        specs = [*(board.spec for board in rack.boards.values()), *rack.spares]
        out = refusals(specs, self._states, code)
        rack.spares = [spec for spec in rack.spares if spec.name not in out]
        for board in rack.boards.values():
            if board.name in out:
                board.quarantine(out[board.name])
        rack.prepare(self._run_id, self._payloads, self._progress.board_prepared)
        for board in rack.usable:
            self._take(board.name)
        for name in [board.name for board in rack.boards.values() if not board.usable]:
            self._replaced(name)

    def after_try(self, failed: Mapping[str, str]) -> list[str]:
        """Note how each board did; returns those that can try again: revived, or standing in for one that is not."""
        flaky, out = [], []
        for name, board in list(self._rack.boards.items()):
            if isinstance(board.failure, Quarantined):
                continue
            record = self._states[name].after_try(failed.get(name, ""))
            self._states[name] = record
            if record.state is State.QUARANTINED:
                board.quarantine(Quarantined(name, f"quarantined: {record.evidence}", remedy=record.remedy))
                out.append(name)
            elif name in failed:
                flaky.append(name)
        back = self._rack.revive(flaky, self._run_id, self._payloads)
        out += [name for name in flaky if name not in back]
        return back + [twin for name in out for twin in self._replaced(name)]

    def _replaced(self, name: str) -> list[str]:
        """The name of the twin that has taken the board's place, if there is one."""
        twin = self._rack.stand_in(name, self._run_id, self._payloads)
        if twin is None:
            return []
        self._take(twin.name)
        self._progress.stands_in(twin)
        return [twin.name]

    def _take(self, name: str) -> None:
        self._states[name] = self._states[name].taken(f"run {self._run_id}, process {os.getpid()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for name in self._rack.everybody:
            if self._states[name].held_by:
                self._states[name] = self._states[name].let_go()
