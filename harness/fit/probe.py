"""Whether a batch fits, asked of the boards: a real cell of one round. Out of memory is an answer, not a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.datasets import DataFiles, find
from harness.launch import run_cell
from harness.payload import Payload
from harness.rack import Rack
from harness.store import RunFolder, read_lines
from harness.study import Cell

DATASET, SAMPLES = "synthetic-cifar", 2048  # memory does not depend on what the images show
STEPS = 2  # in a round, beside the rehearsed ones
TIMEOUT_S = 300.0
ANSWERS = {"completed": True, "out_of_memory": False}


@dataclass(frozen=True, kw_only=True)
class Answer:
    fits: bool | None  # None: the board could not be asked; `detail` says why
    detail: str
    peak_process_bytes: int | None  # of what fitted


class Prober:
    """Asks all boards of a rack at once."""

    def __init__(self, rack: Rack, code: Payload, folder: RunFolder, model: str, budget_bytes: int | None) -> None:
        """`rack`: prepared, with `code` on its boards."""
        self._rack, self._code, self._folder = rack, code, folder
        self._model, self._budget_bytes = model, budget_bytes
        self._data: DataFiles = find(DATASET)

    def ask(self, method: str, batch: int) -> Mapping[str, Answer]:
        cell = self._cell(method, batch)
        verdict = run_cell(cell, self._rack, self._folder, self._code, self._data, None, lambda said: None)
        raw = self._folder.cell(cell.cell_id) / "raw"
        return {
            name: Answer(
                fits=ANSWERS.get(board["outcome"]),
                detail=board["detail"],
                peak_process_bytes=_peak_bytes(raw / name / "events.jsonl"),
            )
            for name, board in verdict["boards"].items()
        }

    def _cell(self, method: str, batch: int) -> Cell:
        return Cell(
            group="fit", method=method, options={}, model=self._model, dataset=DATASET, partition={"kind": "iid"},
            batch=batch, rounds=1, batches_per_round=STEPS, local_epochs=1, learning_rate=0.01, momentum=0.9,
            weight_decay=0.0, seed=1, threads=1, budget_bytes=self._budget_bytes, allocator="fixed",
            timeout_s=TIMEOUT_S, repeat=0, boards=tuple(self._rack.boards),
        )  # fmt: skip


def _peak_bytes(events: Path) -> int | None:
    rounds = [event for event in read_lines(events) if event.get("event") == "round"]
    return rounds[-1]["peak_process_bytes"] if rounds else None
