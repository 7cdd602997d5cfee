"""The common setting: 28 x 28 random images, 600 or 100 samples a client, and the two models of the comparison.

`mcmahan-cnn` (1.66 M parameters) is the CNN of McMahan et al. 2017, section 3; `lenet` (44 k) stands for small clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from fl_core.catalogue import DATASETS, MODELS
from fl_core.data.dataset import Dataset
from fl_core.job import Job
from fl_core.models.blocks import BlockSpec, ModelSpec

LEARNING_RATE = 0.05


@dataclass(frozen=True, kw_only=True)
class Setting:
    model: str
    clients: int
    samples: int  # of each client
    batch: int
    rounds: int  # measured, after the first

    @property
    def trained(self) -> int:
        """Samples that a client trains in a round: a short last batch is dropped, by all that are compared."""
        return self.samples // self.batch * self.batch


SETTINGS = {
    "mcmahan-cnn": Setting(model="mcmahan-cnn", clients=10, samples=600, batch=10, rounds=4),
    "lenet": Setting(model="lenet", clients=20, samples=100, batch=32, rounds=20),
}


def layers(model: str) -> tuple[list[nn.Sequential], nn.Sequential]:
    """The two convolutional blocks and the head, for one channel of 28 x 28."""
    if model == "mcmahan-cnn":
        return [
            nn.Sequential(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Sequential(nn.Conv2d(32, 64, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        ], nn.Sequential(nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 10))
    return [
        nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    ], nn.Sequential(
        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
    )  # fmt: skip


def images(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """float32 (samples, 1, 28, 28) and labels (samples,)."""
    chance = np.random.RandomState(seed)
    return chance.randn(samples, 1, 28, 28).astype(np.float32), chance.randint(0, 10, samples).astype(np.int64)


def _spec(model: str, shape: tuple[int, int, int], classes: int) -> ModelSpec:
    first, second = ((1, 32), (32, 64)) if model == "mcmahan-cnn" else ((1, 6), (6, 16))
    blocks = tuple(
        BlockSpec(f"block{index + 1}", partial(_block, model, index), *channels, 2)
        for index, channels in enumerate((first, second))
    )
    return ModelSpec(model, shape, classes, blocks, lambda: layers(model)[1])


def _block(model: str, index: int) -> nn.Sequential:
    return nn.Sequential(layers(model)[0][index])


def mcmahan_cnn(shape: tuple[int, int, int], classes: int) -> ModelSpec:
    return _spec("mcmahan-cnn", shape, classes)


def lenet(shape: tuple[int, int, int], classes: int) -> ModelSpec:
    return _spec("lenet", shape, classes)


TOTAL = {"samples": 0}  # of the data set, set by `register`


def random_28(folder: str, seed: int) -> Dataset:
    train, labels = images(TOTAL["samples"], seed)
    return Dataset("random-28", 10, train, labels, train[:0], labels[:0], mean=0.0, std=1.0)


def register(setting: Setting) -> Job:
    """Make the setting known to the core in this process, and its job."""
    TOTAL["samples"] = setting.clients * setting.samples
    MODELS.update({"mcmahan-cnn": f"{__name__}:mcmahan_cnn", "lenet": f"{__name__}:lenet"})
    DATASETS["random-28"] = f"{__name__}:random_28"
    clients = [f"c{index}" for index in range(setting.clients)]
    return Job("fedavg", setting.model, "random-28", {"kind": "iid"}, clients, setting.batch, setting.rounds + 1,
               LEARNING_RATE, 1, rehearse_batches=0)  # fmt: skip
