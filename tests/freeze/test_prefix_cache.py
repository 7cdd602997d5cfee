"""The frozen prefix's output on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from fl_core.prefix_cache import PrefixCache


def test_known_samples_are_read_and_not_computed(tmp_path: Path) -> None:
    maps = torch.randn(10, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    asked: list[list[int]] = []

    def read(cache: PrefixCache, *indices: int) -> Tensor:
        def compute() -> Tensor:
            asked.append(list(indices))
            return maps[list(indices)]

        return cache.output(np.array(indices), compute)

    cache = PrefixCache(str(tmp_path))
    for indices in ((1, 2, 3), (7, 0), (3, 7), (2, 9), (9, 1, 0)):
        got = read(cache, *indices)
        assert torch.equal(got, maps[list(indices)])
    assert asked == [[1, 2, 3], [7, 0], [2, 9]]
    assert got.is_contiguous(memory_format=torch.channels_last)
    assert list(tmp_path.iterdir()) == []  # nothing is left behind, whatever ends the worker
    cache.close()


def test_a_folder_that_is_not_there_fails_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PrefixCache(str(tmp_path / "nowhere"))
