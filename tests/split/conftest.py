"""Jobs on real data, and one thread, on which results are bit-equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from fl_core.job import Job
from harness.datasets import find


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits_folder() -> str:
    return str(find("digits").folder)


@pytest.fixture
def make_job() -> Callable[..., Job]:
    def make(method: str, **changes: Any) -> Job:
        values: dict[str, Any] = {
            "method": method,
            "model": "cnn",
            "dataset": "digits",
            "partition": {"kind": "iid"},
            "clients": ["a", "b", "c"],
            "batch": 32,
            "rounds": 2,
            "learning_rate": 0.05,
            "momentum": 0.9,
            "seed": 7,
            "batches_per_round": 4,
        }
        return Job(**{**values, **changes})

    return make
