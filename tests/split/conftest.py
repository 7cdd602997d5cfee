"""Jobs on real data, and one thread, on which results are bit-equal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from fl_core.job import Job
from tests.fl_core.conftest import digits_folder, one_thread
from tests.jobs import small_job

__all__ = ["digits_folder", "one_thread"]  # fixtures


@pytest.fixture
def make_job() -> Callable[..., Job]:
    return partial(small_job, rounds=2, batches_per_round=4)
