"""Progressive freezing: blocks are trained front to back behind an output module, then frozen.

The skeleton that SmartFreeze (arXiv 2408.09101) and ProFL's growing phase (arXiv 2404.13349, section 3.3 of our
notes in docs/methods.md) share. Stage t: blocks 1..t-1 frozen (run without autograd, batch norm in eval mode), block
t live, one 3x3 convolution per later block and the head as output module, trained along. Later blocks are not on the
device. What travels: the frozen prefix down once per stage; block t, surrogates and head down and up every round.

When the stage moves on: after an equal share of the rounds (a fixed schedule; OURS). The papers' pace controllers
decide by block perturbation instead.
"""

from typing import Optional

from torch import Tensor

from fl_core.errors import BadJob
from fl_core.methods.base import Exchange, Method, Stage, plain_step
from fl_core.models.blocks import BlockedModel, Part


class Freeze(Method):
    name = "freeze"
    surrogates = True

    def stage(self, round_index: int, rounds: int) -> Stage:
        names = self.spec.block_names
        if rounds < len(names):
            raise BadJob(
                "freeze trains {} blocks in turn: it needs at least as many rounds, not {}".format(len(names), rounds)
            )
        active = (round_index - 1) * len(names) // rounds
        part = Part(live=names[active : active + 1], frozen=names[:active], surrogates=names[active + 1 :], head=True)
        return Stage(names[active], part)

    def step(self, model: BlockedModel, inputs: Tensor, labels: Tensor, edge: Optional[Exchange]) -> float:
        return plain_step(model, inputs, labels)
