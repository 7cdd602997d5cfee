"""The first images of Fashion-MNIST as IDX files of their own, for studies that must end in minutes."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

from fl_core.data.files import read_file
from fl_core.data.idx import parse_idx


def write_subset(source: Path, target: Path, train: int, test: int) -> None:
    """`train` and `test` samples from the beginning of each split; the order of the files is random already."""
    for split, count in (("train", train), ("t10k", test)):
        for kind in ("images-idx3", "labels-idx1"):
            name = f"{split}-{kind}-ubyte"
            array = parse_idx(read_file(str(source), [name], "install dataset-fashion-mnist"), name)[:count]
            (target / f"{name}.gz").write_bytes(gzip.compress(_idx(array), compresslevel=1))


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()
