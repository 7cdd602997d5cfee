"""Profiles that are made beside other workers' threads: a simulation has many in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from fl_core.memory import profile
from fl_core.memory.chain import Loss, chain
from fl_core.memory.modes import EXACT
from fl_core.memory.tensors import TensorPeak
from fl_core.models.blocks import BlockedModel

MakeModel = Callable[[str], BlockedModel]
WORKERS = 4


class Forgetful(dict[Any, Any]):
    """A cache that never knows: every profile is measured."""

    def __contains__(self, key: object) -> bool:
        return False


def test_others_leave_no_trace_in_a_profile(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "_known", Forgetful())

    def sizes(_: int = 0) -> profile.Profile:
        inputs, labels = torch.zeros(8, 3, 32, 32), torch.zeros(8, dtype=torch.int64)
        units = [*chain(make_model("cnn").live_units()), Loss(labels)]
        return profile.measure(units, inputs, EXACT, repeats=0)

    alone, over = sizes(), threading.Event()

    def walk() -> None:
        while not over.is_set():
            with TensorPeak():
                torch.zeros(1000).add(1)

    walker = threading.Thread(target=walk)
    walker.start()
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            assert list(pool.map(sizes, range(3 * WORKERS))) == [alone] * (3 * WORKERS)
    finally:
        over.set()
        walker.join()


def test_a_unit_is_measured_once_in_a_process(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile, "_known", {})
    inputs = torch.zeros(4, 3, 32, 32)
    units = chain(make_model("vgg16-bn").live_units())
    first = profile.measure(units, inputs, EXACT)
    assert len(profile._known) < len(units), "VGG repeats itself"
    assert profile.measure(chain(make_model("vgg16-bn").live_units()), inputs, EXACT) == first
    assert profile.measure(units, inputs[:2], EXACT) != first
