"""One federated client: its data, its part of the model, its local training. Knows no transport."""

from typing import Dict, Iterator, NamedTuple, Optional, Tuple

import numpy as np
import torch

from fl_core.data.dataset import Dataset, batches
from fl_core.data.partition import deal
from fl_core.job import Job
from fl_core.memory.optimiser import SGD
from fl_core.memory.tensors import AVAILABLE, TensorPeak
from fl_core.methods.base import Exchange, Stage
from fl_core.models.blocks import BlockedModel
from fl_core.tensors import own_tensor, to_arrays, to_tensors


class Trained(NamedTuple):
    """What a client reports besides its tensors."""

    samples: int
    train_loss: float  # mean over the batches


class Client:
    """Built once; the model is rebuilt when the stage changes, so that nothing of other stages stays in memory."""

    def __init__(self, job: Job, name: str, data: Dataset) -> None:
        self.job = job
        self.name = name
        indices = deal(data.train_labels, len(job.clients), job.seed, job.partition)[job.clients.index(name)]
        self.data = data.only(indices)
        self.spec = job.build_spec(data.shape, data.classes)
        self.method = job.build_method(self.spec)
        self.stage: Optional[Stage] = None
        self.model: Optional[BlockedModel] = None

    @property
    def samples(self) -> int:
        """Size of the client's data: its weight in the average."""
        return len(self.data.train_labels)

    def receive(self, round_index: int, arrays: Dict[str, np.ndarray]) -> None:
        """Take over the server's tensors for a round, building the stage's part of the model where it is new."""
        stage = self.method.stage(round_index, self.job.rounds)
        if self.model is None or stage != self.stage:
            self.model = None  # free the old part before the new one is built
            self.model = BlockedModel(self.spec, stage.device)
            self.stage = stage
        self.model.load(to_tensors(arrays))
        self.model.set_training()

    def train(self, round_index: int, edge: Optional[Exchange] = None) -> Trained:
        """One round of local training."""
        return self._train(self._batches(round_index, self.job.batches_per_round), edge)

    def rehearse(self, round_index: int, edge: Optional[Exchange] = None) -> Optional[int]:
        """A few steps whose result is thrown away: warms up, and returns the tensor peak in bytes where torch can."""
        steps = self._batches(round_index, self.job.rehearse_batches)
        if not AVAILABLE:
            self._train(steps, edge)
            return None
        with TensorPeak() as peak:
            self._train(steps, edge)
        return peak.peak_bytes

    def update(self) -> Dict[str, np.ndarray]:
        """The live tensors, sharing memory with the model."""
        assert self.model is not None and self.stage is not None, "receive comes first"
        part = self.stage.device
        return to_arrays({key: value for key, value in self.model.tensors().items() if part.trained(key)})

    def _batches(self, round_index: int, limit: Optional[int]) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
        seed = self.job.round_seed(round_index, self.name)
        return batches(self.data, self.job.batch, self.job.local_epochs, limit, seed)

    def _train(self, steps: Iterator[Tuple[np.ndarray, np.ndarray]], edge: Optional[Exchange]) -> Trained:
        assert self.model is not None, "receive comes first"
        job = self.job
        optimiser = SGD(self.model.trained_parameters(), job.learning_rate, job.momentum, job.weight_decay)
        losses = []
        for images, labels in steps:
            loss = self.method.step(self.model, own_tensor(images, channels_last=True), torch.from_numpy(labels), edge)
            optimiser.step()
            losses.append(loss)
        return Trained(self.samples, float(np.mean(losses)) if losses else float("nan"))
