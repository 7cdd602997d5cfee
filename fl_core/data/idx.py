"""Fashion-MNIST from its IDX files (Xiao et al. 2017; the format of LeCun's MNIST): 60 000 + 10 000 images, 28x28.

Debian's package `dataset-fashion-mnist` installs the files; `harness.datasets` finds or downloads them.
"""

import struct

import numpy as np

from fl_core.data.dataset import Dataset
from fl_core.data.files import read_file
from fl_core.errors import DataMissing

REMEDY = "install Debian's dataset-fashion-mnist, or put the four IDX files there"


def parse_idx(data: bytes, name: str) -> np.ndarray:
    """An IDX file of unsigned bytes as an array of its declared shape. Big-endian header: 0, 0, type, rank, sizes."""
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise DataMissing("{} is not an IDX file of unsigned bytes".format(name))
    rank = data[3]
    header = 4 + 4 * rank
    shape = struct.unpack(">{}I".format(rank), data[4:header])
    if len(data) - header != int(np.prod(shape)):
        raise DataMissing("{} declares {} values but holds {}".format(name, int(np.prod(shape)), len(data) - header))
    return np.frombuffer(data, dtype=np.uint8, offset=header).reshape(shape)


def fashion_mnist(folder: str, seed: int) -> Dataset:
    def read(name: str) -> np.ndarray:
        return parse_idx(read_file(folder, [name], REMEDY), name)

    return Dataset(
        "fashion-mnist",
        10,
        read("train-images-idx3-ubyte")[:, None],
        read("train-labels-idx1-ubyte").astype(np.int64),
        read("t10k-images-idx3-ubyte")[:, None],
        read("t10k-labels-idx1-ubyte").astype(np.int64),
        mean=72.94,
        std=90.02,
    )
