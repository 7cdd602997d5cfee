"""CIFAR-10 and CIFAR-100 from their binary files (Krizhevsky 2009): records of label bytes and 3x32x32 pixels."""

from typing import List

import numpy as np

from fl_core.data.dataset import Dataset
from fl_core.data.files import read_file
from fl_core.errors import DataMissing

PIXELS = 3 * 32 * 32
REMEDY = "unpack the *binary version* of the data set there"


def parse_records(data: bytes, label_bytes: int, name: str) -> np.ndarray:
    """(n, label_bytes + 3072) records; the last label byte is the fine label."""
    record = label_bytes + PIXELS
    if not data or len(data) % record:
        raise DataMissing("{}: {} bytes are no whole number of {}-byte records".format(name, len(data), record))
    return np.frombuffer(data, dtype=np.uint8).reshape(-1, record)


def _load(name: str, folder: str, train: List[str], test: str, label_bytes: int, classes: int) -> Dataset:
    def read(files: List[str]) -> np.ndarray:
        return np.concatenate([parse_records(read_file(folder, [f], REMEDY), label_bytes, f) for f in files])

    def images(records: np.ndarray) -> np.ndarray:
        return records[:, label_bytes:].reshape(-1, 3, 32, 32)

    def labels(records: np.ndarray) -> np.ndarray:
        return records[:, label_bytes - 1].astype(np.int64)

    first, second = read(train), read([test])
    return Dataset(name, classes, images(first), labels(first), images(second), labels(second), mean=120.7, std=64.1)


def cifar10(folder: str, seed: int) -> Dataset:
    train = ["data_batch_{}.bin".format(i) for i in range(1, 6)]
    return _load("cifar10", folder, train, "test_batch.bin", label_bytes=1, classes=10)


def cifar100(folder: str, seed: int) -> Dataset:
    return _load("cifar100", folder, ["train.bin"], "test.bin", label_bytes=2, classes=100)
