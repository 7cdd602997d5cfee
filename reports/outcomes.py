"""What did not complete, and why: running out of memory is a result, not an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from reports.data import Block, Column, Entry, Finding, Paragraph, Section, Table
from reports.read import Run
from reports.tables import MISSING, budget, outcome, word

Row = tuple[Entry, ...]


def outcomes(run: Run, cells: pd.DataFrame) -> Section:
    """Each cell x board that did not complete, and the boards and cells that left no row at all."""
    blocks: list[Block] = [Paragraph(gap, "warn") for gap in run.gaps]
    if run.manifest.get("state") != "finished":
        blocks.append(Paragraph("The run was interrupted: cells that it had not reached are missing.", "warn"))
    blocks += [Paragraph(sentence, "warn") for sentence in _stand_ins(run)]
    rows = (*_incomplete(cells), *_silent_boards(run, cells), *_silent_cells(run, cells))
    blocks.append(_table(rows) if rows else Paragraph("Every cell completed on every board."))
    return Section(slug="outcomes", title="Outcomes", blocks=tuple(blocks))


def stand_ins(run: Run) -> Iterator[Finding]:
    """The same for the summary."""
    return (Finding("Stand-in", sentence, "warn") for sentence in _stand_ins(run))


def _stand_ins(run: Run) -> Iterator[str]:
    """Which board ran another one's cells, and why."""
    found = Counter((one["board"], one["client"], one["why"]) for one in run.manifest.get("stand_ins") or [])
    for (board, client, why), cells in found.items():
        plural = "" if cells == 1 else "s"
        yield f"{cells} cell{plural} ran on {board} in the place of {client}, with its share of the data: {why}."


def _table(rows: tuple[Row, ...]) -> Table:
    return Table(
        caption="What did not complete",
        columns=(
            Column("board"),
            Column("group"),
            Column("method"),
            Column("budget"),
            Column("outcome", "chip"),
            Column("what happened", "prose"),
        ),
        rows=rows,
        note="Out of memory is a result: the method does not fit this board under this budget.",
    )


def _incomplete(cells: pd.DataFrame) -> Iterator[Row]:
    missed = cells[(cells["outcome"] != "completed").fillna(True)]
    for _, row in missed.iterrows():
        yield (
            word(row["board"]),
            word(row["group"]),
            word(row["label"]),
            word(budget(row["budget_bytes"])),
            outcome(row["outcome"]),
            word(row["outcome_detail"]),
        )


def _silent_boards(run: Run, cells: pd.DataFrame) -> Iterator[Row]:
    """Boards of the selection that no cell mentions, such as one that never answered."""
    for name, board in run.boards.items():
        if name not in set(cells["board"].dropna()):
            limit = word(budget(board.get("budget_bytes")))
            state = outcome(board.get("state") or "no result")
            yield word(name), word("all"), word("all"), limit, state, word(board.get("detail"))


def _silent_cells(run: Run, cells: pd.DataFrame) -> Iterator[Row]:
    """Cells of the study that left no row on any board."""
    for cell in run.manifest.get("cells") or []:
        if cell.get("cell_id") not in set(cells["cell_id"].dropna()):
            state = outcome(cell.get("state") or "no result")
            yield MISSING, word(cell.get("group")), word(cell.get("method")), MISSING, state, word(cell.get("label"))
