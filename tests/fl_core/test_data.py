"""Data sets from real files (digits, Debian's Fashion-MNIST) and made ones in the published formats; partitions."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from fl_core.data.cifar import cifar10, cifar100
from fl_core.data.dataset import batch_count, batches
from fl_core.data.digits import digits
from fl_core.data.idx import fashion_mnist, parse_idx
from fl_core.data.partition import deal
from fl_core.data.synthetic import synthetic_cifar
from fl_core.errors import BadJob, DataMissing
from harness.datasets import DEBIAN_FASHION_MNIST


def test_digits_are_the_real_ones(digits_folder: str) -> None:
    data = digits(digits_folder, seed=1)
    assert len(data.train_labels) + len(data.test_labels) == 1797
    assert data.shape == (1, 8, 8) and data.train_images.max() == 16
    counts = np.bincount(np.concatenate([data.train_labels, data.test_labels]))
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as scikit-learn documents
    normalised = data.normalised(data.train_images)
    assert abs(normalised.mean()) < 0.02 and abs(normalised.std() - 1) < 0.02


def test_fashion_mnist_as_debian_installs_it() -> None:
    if not DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip("apt-get install dataset-fashion-mnist")
    data = fashion_mnist(str(DEBIAN_FASHION_MNIST), seed=1)
    assert data.train_images.shape == (60_000, 1, 28, 28) and len(data.test_labels) == 10_000
    assert np.bincount(data.train_labels).tolist() == [6000] * 10
    assert abs(data.normalised(data.train_images[:5000]).mean()) < 0.02


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def test_idx_files_plain_and_gzipped(tmp_path: Path) -> None:
    images, labels = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28), np.array([3, 7], dtype=np.uint8)
    for split in ("train", "t10k"):
        (tmp_path / f"{split}-images-idx3-ubyte").write_bytes(idx(images))
        (tmp_path / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    data = fashion_mnist(str(tmp_path), seed=1)
    assert np.array_equal(data.train_images[:, 0], images) and data.test_labels.tolist() == [3, 7]


def test_a_damaged_idx_file_says_what_is_wrong() -> None:
    whole = idx(np.zeros((2, 3), np.uint8))
    with pytest.raises(DataMissing, match="declares 6 values but holds 5"):
        parse_idx(whole[:-1], "labels")
    with pytest.raises(DataMissing, match="not an IDX file"):
        parse_idx(b"<html>", "labels")


def test_cifar_binaries(tmp_path: Path) -> None:
    rng = np.random.RandomState(0)
    pixels = rng.randint(0, 256, (3, 3072), dtype=np.uint8)
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        (tmp_path / name).write_bytes(np.hstack([[[1], [2], [9]], pixels]).astype(np.uint8).tobytes())
    ten = cifar10(str(tmp_path), seed=1)
    assert ten.train_images.shape == (15, 3, 32, 32) and ten.test_labels.tolist() == [1, 2, 9]
    assert np.array_equal(ten.test_images[1].reshape(-1), pixels[1])
    for name in ("train.bin", "test.bin"):
        (tmp_path / name).write_bytes(np.hstack([[[1, 99], [2, 50], [3, 0]], pixels]).astype(np.uint8).tobytes())
    assert cifar100(str(tmp_path), seed=1).train_labels.tolist() == [99, 50, 0]
    (tmp_path / "test_batch.bin").write_bytes(b"x" * 3000)
    with pytest.raises(DataMissing, match="no whole number of 3073-byte records"):
        cifar10(str(tmp_path), seed=1)


def test_missing_files_name_the_folder_and_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match=r"no data_batch_1.bin in .*unpack the \*binary version\*"):
        cifar10(str(tmp_path), seed=1)


def test_batches_depend_on_the_seed_alone_and_keep_their_size() -> None:
    data = synthetic_cifar("", seed=1).only(np.arange(70))
    first = [labels.tolist() for _, labels, _ in batches(data, 32, epochs=2, limit=None, seed=5)]
    again = [labels.tolist() for _, labels, _ in batches(data, 32, epochs=2, limit=None, seed=5)]
    other = [labels.tolist() for _, labels, _ in batches(data, 32, epochs=2, limit=None, seed=6)]
    assert first == again != other
    assert [len(labels) for labels in first] == [32] * 4
    assert len(list(batches(data, 32, epochs=2, limit=3, seed=5))) == 3
    assert [len(y) for _, y, _ in batches(data.only(np.arange(5)), 32, epochs=1, limit=None, seed=5)] == [5]


@pytest.mark.parametrize(("samples", "batch", "epochs", "limit"), [(70, 32, 2, None), (70, 32, 2, 3), (5, 32, 1, None)])
def test_batches_can_be_counted_without_making_them(samples: int, batch: int, epochs: int, limit: int | None) -> None:
    data = synthetic_cifar("", seed=1).only(np.arange(samples))
    assert batch_count(samples, batch, epochs, limit) == len(list(batches(data, batch, epochs, limit, seed=5)))


LABELS = np.random.RandomState(1).randint(0, 10, 2000)


@pytest.mark.parametrize("how", [{"kind": "iid"}, {"kind": "dirichlet", "alpha": 0.3}])
def test_every_sample_is_dealt_once_and_always_the_same(how: dict[str, object]) -> None:
    parts = deal(LABELS, 7, 3, how)
    assert sorted(np.concatenate(parts).tolist()) == list(range(2000))
    assert all(np.array_equal(a, b) for a, b in zip(parts, deal(LABELS, 7, 3, how), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(parts, deal(LABELS, 7, 4, how), strict=True))


def test_a_small_alpha_skews_labels_more_than_a_large_one() -> None:
    def skew(alpha: float) -> float:
        parts = deal(LABELS, 10, 3, {"kind": "dirichlet", "alpha": alpha})
        return float(np.mean([np.bincount(LABELS[part], minlength=10).max() / len(part) for part in parts]))

    assert skew(0.1) > 0.4 > 0.2 > skew(100.0)


def test_an_impossible_partition_is_refused() -> None:
    with pytest.raises(BadJob, match="raise alpha"):
        deal(LABELS[:20], 19, 3, {"kind": "dirichlet", "alpha": 0.01})
    with pytest.raises(BadJob, match="unknown partition 'shards'"):
        deal(LABELS, 3, 3, {"kind": "shards"})
