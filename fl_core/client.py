"""One federated client: its data, its part of the model, its local training. Knows no transport."""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional

import numpy as np
import torch

from fl_core.data.dataset import Dataset, batches
from fl_core.data.partition import deal
from fl_core.job import Job
from fl_core.memory.tensors import AVAILABLE, TensorPeak, stored_bytes
from fl_core.methods.base import Batch, Exchange
from fl_core.models.blocks import BlockedModel
from fl_core.rounds import Task
from fl_core.tensors import own_tensor, to_arrays, to_tensors


class Trained(NamedTuple):
    """What a client reports besides its tensors."""

    samples: int
    train_loss: float  # mean over the batches
    facts: Dict[str, Any]  # of the method's client half


def own_data(job: Job, name: str, data: Dataset) -> Dataset:
    """What this client has of the whole data set."""
    return data.only(deal(data.train_labels, len(job.clients), job.seed, job.partition)[job.clients.index(name)])


class Client:
    """Built once; the model is rebuilt when the stage changes, so that nothing of other stages stays in memory.

    `data` is the client's own. A simulation lets one object play many clients in turn.
    """

    def __init__(self, job: Job, name: str, data: Dataset) -> None:
        self.job = job
        self.become(name, data)
        method = job.find_method()
        self.half = method.client(job.setup(job.build_spec(data.shape, data.classes)))
        self._wants_labels = method.wants_labels
        self.task: Optional[Task] = None
        self.model: Optional[BlockedModel] = None

    def become(self, name: str, data: Dataset) -> None:
        """Be another client from now on. Methods keep no state of a client from round to round."""
        self.name = name
        self.data = data

    @property
    def samples(self) -> int:
        """Size of the client's data: its weight in the average."""
        return len(self.data.train_labels)

    @property
    def label_counts(self) -> Optional[List[int]]:
        """Samples per class; None where the method does not ask for them."""
        if not self._wants_labels:
            return None
        return [int(n) for n in np.bincount(self.data.train_labels, minlength=self.data.classes)]

    def receive(self, task: Task, arrays: Dict[str, np.ndarray]) -> None:
        """Take over the server's tensors for a round, building the stage's part of the model where it is new."""
        if self.model is None or self.task is None or task.stage != self.task.stage:
            self.model = None  # free the old part before the new one is built
            self.model = self.half.build(task.stage)
        self.task = task
        self.model.load(to_tensors(arrays))
        self.model.set_training()

    def train(self, round_index: int, edge: Optional[Exchange] = None) -> Trained:
        """One round of local training."""
        assert self.model is not None, "receive comes first"
        losses = self._train(self._batches(round_index, self.job.batches_per_round), edge)
        mean = float(np.mean(losses)) if losses else float("nan")
        return Trained(self.samples, mean, self.half.report(self.model, losses))

    def rehearse(self, round_index: int, edge: Optional[Exchange] = None, alone: bool = True) -> Optional[int]:
        """A few steps whose result is thrown away: warms up, and returns the tensor peak in bytes where torch can.

        Unless `alone` in its process, tensors of others live beside ours: then only our model's count, and new ones.
        """
        steps = self._batches(round_index, self.job.rehearse_batches)
        if not AVAILABLE:
            self._train(steps, edge)
            return None
        assert self.model is not None, "receive comes first"
        with TensorPeak(new_only=not alone) as peak:
            self._train(steps, edge)
        return peak.peak_bytes + (0 if alone else stored_bytes(self.model.tensors().values()))

    def update(self) -> Dict[str, np.ndarray]:
        """The live tensors, sharing memory with the model."""
        assert self.model is not None and self.task is not None, "receive comes first"
        part = self.task.stage.device
        return to_arrays({key: value for key, value in self.model.tensors().items() if part.trained(key)})

    def _batches(self, round_index: int, limit: Optional[int]) -> Iterator[Batch]:
        seed = self.job.round_seed(round_index, self.name)
        for images, labels, index in batches(self.data, self.job.batch, self.job.local_epochs, limit, seed):
            yield Batch(own_tensor(images, channels_last=True), torch.from_numpy(labels), index)

    def _train(self, steps: Iterator[Batch], edge: Optional[Exchange]) -> List[float]:
        assert self.model is not None and self.task is not None, "receive comes first"
        self.half.begin(self.model, self.task)
        optimiser = self.half.optimiser(self.model)
        losses = []
        for batch in steps:
            losses.append(self.half.step(self.model, batch, edge))
            optimiser.step()
        return losses
