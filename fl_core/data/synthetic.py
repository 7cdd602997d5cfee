"""CIFAR-shaped random images, for cells that measure memory and latency. They teach nothing: no test split."""

import numpy as np

from fl_core.data.dataset import Dataset

SAMPLES = 2048


def synthetic_cifar(folder: str, seed: int) -> Dataset:
    rng = np.random.RandomState(seed)
    images = rng.randint(0, 256, size=(SAMPLES, 3, 32, 32), dtype=np.uint8)
    labels = rng.randint(0, 10, size=SAMPLES).astype(np.int64)
    return Dataset("synthetic-cifar", 10, images, labels, images[:0], labels[:0], mean=127.5, std=73.9)
