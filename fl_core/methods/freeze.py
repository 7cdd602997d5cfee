"""Progressive freezing: blocks are trained front to back behind an output module, then frozen.

The skeleton that SmartFreeze (arXiv 2408.09101) and ProFL's growing phase (arXiv 2404.13349, section 3.3 of our
notes in docs/methods.md) share. Stage t: blocks 1..t-1 frozen (run without autograd, batch norm in eval mode), block
t live, one 3x3 convolution per later block and the head as output module, trained along. Later blocks are not on the
device. What travels: the frozen prefix down once per stage; block t, surrogates and head down and up every round.

When the stage moves on: after an equal share of the rounds (a fixed schedule; OURS). The papers' pace controllers
decide by block perturbation instead.
"""

from fl_core.errors import BadJob
from fl_core.methods.base import Method, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.rounds import Now, RoundPlan, Stage


class Server(ServerHalf):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        blocks = len(self.spec.blocks)
        if setup.rounds < blocks:
            raise BadJob(
                "freeze trains {} blocks in turn: it needs at least as many rounds, not {}".format(blocks, setup.rounds)
            )

    def initial(self) -> BlockedModel:
        return BlockedModel(self.spec, whole(self.spec, surrogates=True))

    def plan(self, now: Now) -> RoundPlan:
        return self.same_for_all(now, self.stage(now.round_index))

    def stage(self, round_index: int) -> Stage:
        names = self.spec.block_names
        active = (round_index - 1) * len(names) // self.setup.rounds
        part = Part(live=names[active : active + 1], frozen=names[:active], surrogates=names[active + 1 :], head=True)
        return Stage(names[active], part)


METHOD = Method("freeze", Server)
