"""ExclusiveFL: FedAvg among the boards whose memory holds the full model; the others' data is lost.

The baseline by which the freeze family measures its gain in accuracy (the name is the papers', the definition is
plain). With `selection: oort` or `ucb` it is those selectors' own setting.
"""

from fl_core.methods.base import Method
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import DEFAULTS, MemoryAware
from fl_core.models.blocks import whole
from fl_core.rounds import Now, RoundPlan, Stage, Task


class Server(MemoryAware):
    def plan(self, now: Now) -> RoundPlan:
        stage = Stage("all", whole(self.spec))
        able = self.able(now, stage.device)
        return self.round(stage.name, {name: Task(stage) for name in self.pick(now, able)}, stage.device)


METHOD = Method("exclusivefl", Server, Learner, defaults=DEFAULTS)
