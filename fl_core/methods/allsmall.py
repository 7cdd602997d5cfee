"""AllSmall: everybody trains the widest model that the weakest board holds; wide ones do not exist anywhere.

The baseline of the freeze family's papers for "scale the model to the weakest device" (name from the papers, definition
plain). The weakest budget must be known before the job.
"""

from fl_core.errors import BadJob
from fl_core.methods.base import Method, Setup
from fl_core.methods.learner import Learner
from fl_core.methods.memory_aware import MemoryAware
from fl_core.methods.narrow import DEFAULTS, stage_of
from fl_core.models.blocks import BlockedModel, whole
from fl_core.rounds import Now, RoundPlan, Stage, Task
from fl_core.selection.candidate import MIB
from fl_core.submodel.width import narrowed


class Server(MemoryAware):
    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        weakest = min(setup.budgets_bytes.values(), default=None)
        needs = {w: self.need_bytes(whole(self.spec), spec=narrowed(self.spec, w)) for w in self.options["widths"]}
        fitting = [w for w, need in needs.items() if weakest is None or need <= weakest]
        if not fitting:
            raise BadJob(
                "the weakest board has {:.1f} MiB; the narrowest {} needs {:.1f} MiB".format(
                    (weakest or 0) / MIB, self.spec.name, min(needs.values()) / MIB
                )
            )
        self._width = max(fitting)
        self.spec = narrowed(setup.spec, self._width)

    def plan(self, now: Now) -> RoundPlan:
        stage = stage_of(self._width, whole(self.spec))
        tasks = {name: Task(stage) for name in self.pick(now, self.candidates(now))}
        return self.round(stage.name, tasks, stage.device)


class Client(Learner):
    def build(self, stage: Stage) -> BlockedModel:
        return BlockedModel(narrowed(self.spec, stage.shape["width"]), stage.device)


METHOD = Method("allsmall", Server, Client, defaults=DEFAULTS)
