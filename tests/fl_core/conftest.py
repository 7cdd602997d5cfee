"""Shared pieces: jobs on real data, and one thread, on which results are bit-equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from fl_core.job import Job
from harness.datasets import find
from tests.jobs import small_job


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
    return small_job
