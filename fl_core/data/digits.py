"""scikit-learn's digits (UCI optical recognition of handwritten digits): 1797 real 8x8 images, 10 classes.

Read from the package's own `digits.csv.gz`, so that a board needs the 57 kB file but not scikit-learn.
"""

import io

import numpy as np

from fl_core.data.dataset import Dataset
from fl_core.data.files import read_file

TEST_SHARE = 5  # every fifth sample of a fixed shuffle is the test split


def digits(folder: str, seed: int) -> Dataset:
    """`folder` holds `digits.csv` or `digits.csv.gz`: 64 values 0..16 and the label per line."""
    text = read_file(folder, ["digits.csv"], "it ships with scikit-learn in sklearn/datasets/data")
    table = np.loadtxt(io.BytesIO(text), delimiter=",", dtype=np.int64)
    table = table[np.random.RandomState(0).permutation(len(table))]  # the file is ordered by writer
    images = table[:, :64].reshape(-1, 1, 8, 8).astype(np.uint8)
    labels = table[:, 64]
    test = np.arange(len(table)) % TEST_SHARE == 0
    return Dataset("digits", 10, images[~test], labels[~test], images[test], labels[test], mean=4.88, std=6.02)
