"""A data set in memory, and the batches made from it."""

from typing import Iterator, NamedTuple, Optional, Tuple

import numpy as np


class Dataset(NamedTuple):
    """Images as stored (uint8 or float32; n, channels, height, width) and integer labels."""

    name: str
    classes: int
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray  # may be empty: then nothing is evaluated
    test_labels: np.ndarray
    mean: float  # of the stored values; batches are (x - mean) / std in float32
    std: float

    @property
    def shape(self) -> Tuple[int, int, int]:
        channels, height, width = self.train_images.shape[1:]
        return int(channels), int(height), int(width)

    def normalised(self, images: np.ndarray) -> np.ndarray:
        """float32 copy with mean 0 and deviation 1."""
        return (images.astype(np.float32) - np.float32(self.mean)) / np.float32(self.std)

    def first(self, train: Optional[int], test: Optional[int]) -> "Dataset":
        """The same data set with so many samples from the beginning of each split; None: all of them."""
        return self._replace(
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
        )

    def only(self, indices: np.ndarray) -> "Dataset":
        """The same data set with just these training samples and no test split: what a client keeps in memory."""
        return self._replace(
            train_images=self.train_images[indices],
            train_labels=self.train_labels[indices],
            test_images=self.test_images[:0],
            test_labels=self.test_labels[:0],
        )


def batches(
    data: Dataset, batch: int, epochs: int, limit: Optional[int], seed: int
) -> Iterator[Tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Shuffled training batches: (batch, c, h, w) float32, (batch,) int64, and the samples' indices (batch,).

    The order depends on `seed` alone. A short last batch is dropped unless it is the only one (batch norm needs
    more than one sample, and equal batches keep steps comparable). `limit` ends after that many batches.
    """
    rng = np.random.RandomState(seed)
    count = len(data.train_labels)
    size = min(batch, count)
    done = 0
    for _ in range(epochs):
        order = rng.permutation(count)
        for start in range(0, count - size + 1, size):
            if limit is not None and done >= limit:
                return
            index = order[start : start + size]
            yield data.normalised(data.train_images[index]), data.train_labels[index].astype(np.int64), index
            done += 1


def batch_count(samples: int, batch: int, epochs: int, limit: Optional[int]) -> int:
    """How many batches `batches` makes of a client's data."""
    count = epochs * (samples // min(batch, samples)) if samples else 0
    return count if limit is None else min(count, limit)
