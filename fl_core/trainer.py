"""Plays any client of a job, one at a time, edge server included: what an actor of a simulation holds.

The data set is in memory once and so is the model of the present stage; a client is its indices.
"""

from collections import deque
from typing import Any, Deque, Dict, Iterable, Iterator, Mapping, NamedTuple, Optional, Set, Type

import torch
from torch import Tensor

from fl_core.aggregate import Update
from fl_core.client import Client
from fl_core.data.partition import deal
from fl_core.job import Job
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import Answer, EdgeHalf, Exchange
from fl_core.models.blocks import BlockedModel
from fl_core.rounds import Task
from fl_core.tensors import to_arrays, to_tensors


class Order(NamedTuple):
    """One client's work in one round. `tensors`: all that its device and its edge part hold."""

    client: str
    round_index: int
    task: Task
    tensors: Update


class Played(NamedTuple):
    client: str
    samples: int
    train_loss: float
    facts: Mapping[str, Any]
    update: Update
    peak_tensor_bytes: Optional[int] = None  # where the stage was rehearsed before this round


class Pool:
    """Where trainers are."""

    def play(self, orders: Iterable[Order]) -> Iterator[Played]:
        """Each order once, in whatever order they end; few results are held at a time."""
        raise NotImplementedError

    def close(self) -> None:
        """End the processes that it started."""


class Trainer:
    def __init__(self, job: Job, data_folder: str) -> None:
        torch.set_num_threads(job.threads)
        self._job = job
        self._data = job.load_data(data_folder)
        self._parts = deal(self._data.train_labels, len(job.clients), job.seed, job.partition)
        self._setup = job.setup(job.build_spec(self._data.shape, self._data.classes))
        self._edge_half: Optional[Type[EdgeHalf]] = job.find_method().edge
        self._client: Optional[Client] = None
        self._rehearsed: Set[str] = set()  # names of stages

    def play(self, order: Order) -> Played:
        own = self._data.only(self._parts[self._job.clients.index(order.client)])
        if self._client is None:
            self._client = Client(self._job, order.client, own)
        else:
            self._client.become(order.client, own)
        device, edge = order.task.stage.device, self._edge(order)
        received = {key: value for key, value in order.tensors.items() if device.holds(key)}
        self._client.receive(order.task, received)
        peak_bytes = self._rehearse(self._client, order)
        self._client.receive(order.task, received)
        trained = self._client.train(order.round_index, edge)
        update = {key: value.copy() for key, value in self._client.update().items()}
        if edge is not None:
            update.update(edge.update())
        return Played(order.client, trained.samples, trained.train_loss, trained.facts, update, peak_bytes)

    def _rehearse(self, client: Client, order: Order) -> Optional[int]:
        """The tensor peak of a stage not played before. A split is not rehearsed: its edge half would learn."""
        stage = order.task.stage
        if not self._job.rehearse_batches or stage.edge is not None or stage.name in self._rehearsed:
            return None
        self._rehearsed.add(stage.name)
        return client.rehearse(order.round_index, alone=False)

    def _edge(self, order: Order) -> Optional["DirectEdge"]:
        part = order.task.stage.edge
        if part is None:
            return None
        assert self._edge_half is not None
        model = BlockedModel(self._setup.spec, part)
        model.load(to_tensors({key: value for key, value in order.tensors.items() if part.holds(key)}))
        model.set_training()
        setup = self._setup
        optimiser = SGD(model.trained_parameters(), setup.learning_rate, setup.momentum, setup.weight_decay)
        return DirectEdge(self._edge_half(setup, model, optimiser))


class DirectEdge(Exchange):
    """The edge half in this process; tensors are copied, as a link would."""

    def __init__(self, half: EdgeHalf) -> None:
        self._half = half
        self._answers: Deque[Answer] = deque()

    def post(self, tensors: Mapping[str, Tensor], **meta: Any) -> None:
        self._answers.append(self._half.answer({key: value.clone() for key, value in tensors.items()}, meta))

    def take(self) -> Answer:
        return self._answers.popleft()

    def update(self) -> Dict[str, Any]:
        """What the replica has trained."""
        model = self._half.model
        return to_arrays({key: value for key, value in model.tensors().items() if model.part.trained(key)})
