"""Block boundaries chosen by memory instead of by architecture: as few stages as a budget allows.

From the front, each block takes as many units as its stage may hold; what lies behind it is still cut as finely as can
be. The ledger says what a stage needs, for plain training: what recomputation and release save comes on top.
"""

from typing import List

from fl_core.errors import BadJob
from fl_core.ledger.stage import stage_cost
from fl_core.models.blocks import ModelSpec, Part
from fl_core.models.repartition import repartitioned, stand_ins, unit_counts

MIB = 2**20


def fitting_ends(spec: ModelSpec, batch: int, budget_bytes: int) -> List[int]:
    """Where blocks end (units, counted from 1). Raises `BadJob` where a single unit is too large, naming its need."""
    count = sum(unit_counts(spec))
    ends: List[int] = []
    start = 0
    while start < count:
        end = start
        while end < count and _need(spec, ends, end + 1, count, batch) <= budget_bytes:
            end += 1
        if end == start:
            need = _need(spec, ends, start + 1, count, batch)
            raise BadJob(
                "no stage of {} at batch {} fits {:.0f} MiB: unit {} alone needs {:.1f} MiB".format(
                    spec.name, batch, budget_bytes / MIB, start + 1, need / MIB
                )
            )
        ends.append(end)
        start = end
    return ends


def _need(spec: ModelSpec, ends: List[int], end: int, count: int, batch: int) -> int:
    """Of the stage that follows `ends` and lasts to `end`."""
    drawn, at = repartitioned(spec, [*ends, *range(end, count + 1)]), len(ends)
    names = drawn.block_names
    part = Part(names[at : at + 1], names[:at], stand_ins(drawn, at, thin=True), head=True)
    return stage_cost(drawn, part, batch).peak_bytes
