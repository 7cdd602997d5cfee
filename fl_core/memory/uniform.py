"""Equal segments (Chen et al., arXiv 1604.06174): the schedule of `torch.utils.checkpoint.checkpoint_sequential`, as a
reference for the planner. Every segment keeps its input, but for the last, which is recorded at once."""

from typing import List, Tuple

from fl_core.memory.schedule import BACKWARD, CHECKPOINT, PASS, RECORD, Op


def uniform(count: int, segments: int, mode: str = "keep") -> Tuple[Op, ...]:
    """`count` units in `segments` equal runs; the last one takes the rest."""
    size = count // segments
    starts = [index * size for index in range(segments)]
    ops: List[Op] = []
    for start in starts[:-1]:
        ops.append(Op(CHECKPOINT, start))
        ops.extend(Op(PASS, index) for index in range(start + 1, start + size))
    for start, end in reversed(list(zip(starts, [*starts[1:], count]))):
        ops.extend(Op(RECORD, index, mode) for index in range(start, end))
        ops.extend(Op(BACKWARD, index) for index in reversed(range(start, end)))
    return tuple(ops)
