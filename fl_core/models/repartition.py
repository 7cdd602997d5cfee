"""Other block boundaries over the same units: stages chosen by memory instead of by architecture.

A new block is a run of consecutive units. Its parameters keep their values and order, but not their names: a model is
repartitioned before training, not during it.
"""

from functools import partial
from typing import Any, List, Mapping, Sequence, Tuple

import torch
from torch import nn

from fl_core.errors import BadJob
from fl_core.models.blocks import BlockSpec, ModelSpec


def unit_counts(spec: ModelSpec) -> List[int]:
    """Units of each block."""
    return [len(block.build()) for block in spec.blocks]


def unit_ends(spec: ModelSpec) -> List[int]:
    """Where its blocks end, in units counted from 1."""
    counts = unit_counts(spec)
    return [sum(counts[: i + 1]) for i in range(len(counts))]


def stand_ins(spec: ModelSpec, at: int, thin: bool = False) -> Tuple[str, ...]:
    """The surrogates behind block `at`: one per missing block, or, `thin`, one per missing change of shape."""
    missing = spec.blocks[at + 1 :]
    return tuple(b.name for b in missing if not thin or b.stride != 1 or b.in_channels != b.out_channels)


def regrained(spec: ModelSpec, options: Mapping[str, Any]) -> ModelSpec:
    """`grain`: `block` as the architecture has them, `unit` for a block of each unit. Raises `BadJob` for another."""
    if options["grain"] not in ("block", "unit"):
        raise BadJob("grain must be block or unit, not {!r}".format(options["grain"]))
    return spec if options["grain"] == "block" else repartitioned(spec, range(1, sum(unit_counts(spec)) + 1))


def repartitioned(spec: ModelSpec, ends: Sequence[int]) -> ModelSpec:
    """The same model in blocks that end after the units `ends` (counted from 1 over the whole model, ascending).

    Raises `BadJob` where the ends do not divide the units.
    """
    places = [(block, unit) for block, count in zip(spec.blocks, unit_counts(spec)) for unit in range(count)]
    if list(ends) != sorted(set(ends)) or not ends or ends[0] < 1 or ends[-1] != len(places):
        raise BadJob(
            "blocks of {} must end at ascending units, the last at {}; not {}".format(
                spec.name, len(places), list(ends)
            )
        )
    shapes = _unit_shapes(spec)
    blocks: List[BlockSpec] = []
    for number, (start, end) in enumerate(zip((0, *ends), ends), start=1):
        before, after = shapes[start], shapes[end]
        run = places[start:end]
        stride = round(before[1] / after[1])
        blocks.append(BlockSpec("block{}".format(number), partial(_built, run), before[0], after[0], stride))
    return spec._replace(blocks=tuple(blocks))


def _built(run: Sequence[Tuple[BlockSpec, int]]) -> nn.Sequential:
    made = {block: block.build() for block, _ in run}
    return nn.Sequential(*[made[block][unit] for block, unit in run])


def _unit_shapes(spec: ModelSpec) -> List[Tuple[int, int]]:
    """Channels and rows of the maps before the first unit, and after each."""
    shapes = [(spec.input_shape[0], spec.input_shape[1])]
    hidden = torch.zeros((1, *spec.input_shape))
    with torch.no_grad():
        for block in spec.blocks:
            for unit in block.build().eval():
                hidden = unit(hidden)
                shapes.append((hidden.shape[1], hidden.shape[2]))
    return shapes
