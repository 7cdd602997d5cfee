"""One training step in each way that is compared: plainly, by a plan, and the references beside plans."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as functional

from benchmarks.split.setting import Training
from fl_core.memory import budget
from fl_core.memory.chain import Loss, chain
from fl_core.memory.execute import execute
from fl_core.memory.modes import EXACT, MODES
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.release import gradients_consumed
from fl_core.memory.schedule import keep_all
from fl_core.methods.base import plain_step

Step = Callable[[], object]
MICRO_BATCHES = 4


def step_of(training: Training, how: str) -> Step:
    """`how`: plain, micro, a mode that all units are kept in (page, compress), smallest, or a plan's share of plain
    training's tensor peak (0.7)."""
    if how == "plain":
        return lambda: _plain(training)
    if how == "micro":
        return lambda: _micro(training)
    if how in MODES:
        return lambda: _kept(training, how)
    limit = budget.smallest() if how == "smallest" else budget.share_of_plain(float(how))
    steps = PlannedSteps(training.model.live_units(), EXACT, limit)
    return lambda: steps.step(training.inputs, training.labels, training.optimiser)


def _plain(training: Training) -> None:
    plain_step(training.model, training.inputs, training.labels)
    training.optimiser.step()


def _micro(training: Training) -> None:
    """Gradient accumulation. Batch norm sees a quarter of the batch at a time: not the same training."""
    pieces = zip(training.inputs.chunk(MICRO_BATCHES), training.labels.chunk(MICRO_BATCHES), strict=True)
    for inputs, labels in pieces:
        (functional.cross_entropy(training.model(inputs), labels) / MICRO_BATCHES).backward()  # type: ignore[no-untyped-call]
    training.optimiser.step()


def _kept(training: Training, mode: str) -> None:
    units = [*chain(training.model.live_units()), Loss(training.labels)]
    with gradients_consumed(training.optimiser.parameters, training.optimiser.update):
        execute(units, keep_all(len(units), mode), training.inputs)
