"""The frozen prefix's output for every sample of a client, kept on the board's disk: a later forward becomes a read.

The prefix of a stage never changes, nor do its inputs (no augmentation), so its output is computed once per sample. The
file has no name: it is gone with the worker. It is read by position and not mapped into memory, because mapped pages
would count in the process peak that freezing is to lower.
"""

import os
import tempfile
import weakref
from typing import Callable, Set, Tuple

import numpy as np
import torch
from torch import Tensor


class PrefixCache:
    """Of one client in one stage. `folder` should lie on disk, not in memory."""

    def __init__(self, folder: str) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (open as long as this object)
        self.close = weakref.finalize(self, self._file.close)
        self._known: Set[int] = set()
        self._shape: Tuple[int, ...] = ()  # of one sample's output, as it lies in memory

    def output(self, indices: np.ndarray, compute: Callable[[], Tensor]) -> Tensor:
        """The prefix's output (batch, channels, rows, columns) float32 of these samples; `compute` makes it anew."""
        if not self._known.issuperset(indices.tolist()):
            made = compute()
            self._write(indices, made)
            return made
        rows = np.empty((len(indices), *self._shape), dtype=np.float32)
        for row, index in zip(rows, indices):
            row.reshape(-1).view(np.uint8)[:] = np.frombuffer(
                os.pread(self._file.fileno(), row.nbytes, int(index) * row.nbytes), dtype=np.uint8
            )
        return torch.from_numpy(rows).permute(0, 3, 1, 2)

    def _write(self, indices: np.ndarray, made: Tensor) -> None:
        """Samples as (rows, columns, channels): read back, a batch lies in channels-last layout at once."""
        lying = np.ascontiguousarray(made.permute(0, 2, 3, 1).numpy())
        self._shape = lying.shape[1:]
        for row, index in zip(lying, indices):
            os.pwrite(self._file.fileno(), row.tobytes(), int(index) * row.nbytes)
        self._known.update(indices.tolist())
