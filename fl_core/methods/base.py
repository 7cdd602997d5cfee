"""The contract of a method: one file with a server half, a client half and, if it splits, an edge half.

- The server half plans each round from what is known, sees each update, and learns how the round ended.
- The client half does the local work on the device's part of the model.
- The edge half answers one device batch by batch.

The rest is shared: a client receives the tensors its part holds (frozen ones only where they are not there or have
changed), trains the live ones, returns them, and each element of the global model becomes the average, by samples,
over the clients that trained it (McMahan et al. 2017; for sub-models, Diao et al. 2021, section 3.2). Where a client
runs is not the method's business.
"""

from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Type

import numpy as np
import torch.nn.functional as functional
from torch import Tensor

from fl_core.errors import BadJob
from fl_core.memory.optimiser import SGD
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole
from fl_core.rounds import Now, Outcome, Region, RoundPlan, Stage, Task


class Setup(NamedTuple):
    """What all halves are built from."""

    spec: ModelSpec
    options: Mapping[str, Any]  # the study's, over the method's defaults
    rounds: int
    seed: int
    cohort: Optional[int] = None  # clients whose reports a round needs; None: all
    spare: int = 0  # clients asked beyond the cohort, so that the slowest need not be waited for
    minimum_reports: int = 1
    learning_rate: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    batch: int = 1  # samples of a step: what a stage needs in memory depends on it
    budgets_bytes: Mapping[str, int] = {}  # by client, where known before the job


class Batch(NamedTuple):
    """Shapes: inputs (batch, channels, height, width) float32; labels (batch,) int64; indices (batch,)."""

    inputs: Tensor
    labels: Tensor
    indices: np.ndarray  # of the samples within the client's data


class Exchange:
    """The device's line to its edge half. `post` now and `take` later is how work overlaps with the wire."""

    def post(self, tensors: Mapping[str, Tensor], **meta: Any) -> None:
        """Hand tensors over; returns once they may be changed again. At most two may be unanswered at a time."""
        raise NotImplementedError

    def take(self) -> "Answer":
        """The answer to the oldest `post` that has none yet."""
        raise NotImplementedError

    def ask(self, tensors: Mapping[str, Tensor], **meta: Any) -> "Answer":
        self.post(tensors, **meta)
        return self.take()


class Answer(NamedTuple):
    """What the edge half said."""

    tensors: Mapping[str, Tensor]
    meta: Mapping[str, Any] = {}  # JSON-able


class ServerHalf:
    """Decides. What must survive a restart of the server is kept in `memory` (JSON-able) and `kept` (tensors)."""

    def __init__(self, setup: Setup) -> None:
        """Raises `BadJob` where the options cannot work: it is called before any board is touched."""
        self.setup = setup
        self.spec = setup.spec  # of the global model: a method may narrow it or draw its blocks anew
        self.options = setup.options
        self.memory: Dict[str, Any] = {}
        self.kept: Dict[str, Tensor] = {}

    def initial(self) -> BlockedModel:
        """The global model before the first round; torch's generator is seeded."""
        return BlockedModel(self.spec, whole(self.spec))

    def plan(self, now: Now) -> RoundPlan:
        """Who does what in this round. Called once a round, in order."""
        raise NotImplementedError

    def region(self, task: Task, key: str) -> Optional[Region]:
        """The share of the global tensor `key` that this task's client trains; None: all of it."""
        return None

    def see(self, client: str, task: Task, update: Mapping[str, np.ndarray], state: Mapping[str, Tensor]) -> None:
        """One update before it is folded in and let go, in the order of arrival; `state` is the model it began from."""

    def learn(self, outcome: Outcome) -> None:
        """The round is over."""

    def random(self, round_index: int) -> np.random.RandomState:
        """Chance of this round: the same after a restart."""
        return np.random.RandomState((self.setup.seed * 1000003 + round_index * 1009 + 500009) % (2**32))

    def choose(self, now: Now, eligible: Iterable[str]) -> List[str]:
        """The clients to ask, in the job's order: uniformly drawn, the cohort and its spare, or all."""
        names = list(eligible)
        if self.setup.cohort is None or len(names) <= self.setup.cohort + self.setup.spare:
            return names
        drawn = self.random(now.round_index).choice(len(names), self.setup.cohort + self.setup.spare, replace=False)
        return [names[index] for index in sorted(drawn)]

    def round(self, name: str, tasks: Mapping[str, Task], path: Part) -> RoundPlan:
        """A plan under the study's rules for reports and stragglers."""
        return RoundPlan(name, tasks, path, self.setup.minimum_reports, self.setup.cohort if self.setup.spare else None)

    def same_for_all(self, now: Now, stage: Stage, **settings: Any) -> RoundPlan:
        """The plain round: the same task for every chosen client."""
        tasks = {client: Task(stage, settings) for client in self.choose(now, now.clients)}
        return self.round(stage.name, tasks, stage.together)


class ClientHalf:
    """Works on the device. One object per client for as long as its worker lives."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.spec = setup.spec
        self.options = setup.options

    def build(self, stage: Stage) -> BlockedModel:
        """The device's model of a stage; its values are overwritten by what the server sends."""
        return BlockedModel(self.spec, stage.device)

    def optimiser(self, model: BlockedModel) -> SGD:
        """Fresh in every round: momentum starts at zero."""
        setup = self.setup
        return SGD(model.trained_parameters(), setup.learning_rate, setup.momentum, setup.weight_decay)

    def begin(self, model: BlockedModel, task: Task) -> None:
        """The round's tensors are in the model, no step has been done."""

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        """Forward and backward on the device: leaves gradients in `model`, returns the batch's mean loss."""
        return plain_step(model, batch.inputs, batch.labels)

    def cost(self, model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
        """One step as the ledger traces it."""
        self.begin(model, Task(Stage("", model.part)))
        self.step(model, Batch(inputs, labels, np.arange(len(labels))), None)

    def report(self, model: BlockedModel, losses: Sequence[float]) -> Dict[str, Any]:
        """What the server half wants to know beside the tensors; `losses` are the batches'. JSON-able."""
        return {}


class EdgeHalf:
    """Answers one device during one round, with a replica of the edge's part of its own, or with one that all share."""

    shared = False  # True: one model for all devices (SplitFed v2), trained in the order in which batches arrive

    def __init__(self, setup: Setup, model: BlockedModel, optimiser: SGD) -> None:
        self.setup = setup
        self.model = model
        self.optimiser = optimiser

    def answer(self, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> Answer:
        """The reply to one `Exchange.post`, in the order of posting."""
        raise NotImplementedError


def as_it_is(spec: ModelSpec, options: Mapping[str, Any]) -> ModelSpec:
    """Blocks as the architecture has them."""
    return spec


class Method(NamedTuple):
    """A method's name, halves and options."""

    name: str
    server: Type[ServerHalf]
    client: Type[ClientHalf] = ClientHalf
    edge: Optional[Type[EdgeHalf]] = None  # None: nothing is split
    defaults: Mapping[str, Any] = {}
    wants_labels: bool = False  # clients report how many samples of each class they have
    spec: Callable[[ModelSpec, Mapping[str, Any]], ModelSpec] = as_it_is  # the model in the blocks that the options ask

    def checked(self, options: Mapping[str, Any]) -> Dict[str, Any]:
        """The study's options over the defaults. Raises `BadJob` for one that the method does not have."""
        unknown = sorted(set(options) - set(self.defaults))
        if unknown:
            raise BadJob(
                "{} has no option {}; known: {}".format(
                    self.name, ", ".join(unknown), ", ".join(sorted(self.defaults)) or "none"
                )
            )
        return {**self.defaults, **options}


def plain_step(model: BlockedModel, inputs: Tensor, labels: Tensor) -> float:
    """Cross-entropy through everything the model holds."""
    loss = functional.cross_entropy(model(inputs), labels)
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach())
