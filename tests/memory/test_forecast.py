"""What `fedrack plan` says, against training: peaks, wire, the largest batch; and in words."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.forecast import Choice, Forecast, Holder
from fl_core.memory.optimiser import SGD
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.base import plain_step
from fl_core.models.blocks import BlockedModel, ModelSpec, whole

MIB = 2**20
BATCH = 16


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return resolve("model", MODELS, "cnn")((3, 32, 32), 10)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def forecast(spec: ModelSpec) -> Forecast:
    return Forecast(spec, BATCH)


def by_name(forecast: Forecast, budget_bytes: int | None) -> dict[str, Choice]:
    choices = forecast.choices(Holder(budget_bytes))
    return {c.method + (c.setting.replace("cut: ", "/") if "cut" in c.setting else ""): c for c in choices}


def plain_peak(spec: ModelSpec, batch: int) -> int:
    model = BlockedModel(spec, whole(spec))
    model.set_training()
    optimiser = SGD(model.trained_parameters(), lr=0.1, momentum=0.9)
    inputs = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    with TensorPeak(new_only=True) as meter:
        for _ in range(2):
            plain_step(model, inputs, labels)
            optimiser.step()
    old = [*model.parameters(), *model.buffers(), inputs]
    return meter.peak_bytes + sum(t.nbytes for t in old)


def test_peak_and_wire_are_those_of_training(forecast: Forecast, spec: ModelSpec) -> None:
    choices = by_name(forecast, None)
    assert choices["fedavg"].peak_tensor_bytes == pytest.approx(plain_peak(spec, BATCH), rel=0.03)
    model = BlockedModel(spec, whole(spec))
    assert choices["fedavg"].round_bytes == 2 * sum(t.nbytes for t in model.state_dict().values())
    assert choices["split/block1"].batch_bytes == 2 * BATCH * 32 * 32 * 32 * 4
    assert choices["split/block1"].round_bytes < choices["split/block2"].round_bytes < choices["fedavg"].round_bytes
    assert all(choice.fits is None and choice.largest_batch is None for choice in choices.values())


def test_the_largest_batch_is_where_the_budget_is_met(forecast: Forecast, spec: ModelSpec) -> None:
    here = by_name(forecast, None)["fedavg"]
    if here.peak_process_bytes is None:
        pytest.skip("this kernel does not reset VmHWM")
    beside = here.peak_process_bytes - here.peak_tensor_bytes
    larger = plain_peak(spec, 3 * BATCH)
    choice = by_name(forecast, beside + larger)["fedavg"]
    assert choice.fits and choice.largest_batch == pytest.approx(3 * BATCH, abs=2)
    small = by_name(forecast, beside)
    assert all(choice.fits is False for choice in small.values())


def fedrack(*arguments: str) -> Any:
    command = [sys.executable, "-c", "from harness.cli import main; main()", "plan", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=None)


def test_the_command_says_what_fits() -> None:
    done = fedrack("--model", "cnn", "--batch", "4", "--budget", "100000")
    assert done.returncode == 0, done.stderr
    assert "budget 100,000 MiB" in done.stdout and "fits" in done.stdout and "fedavg" in done.stdout


def test_an_unknown_model_is_named() -> None:
    done = fedrack("--model", "resnet81")
    assert done.returncode == 1 and "resnet81" in done.stderr and "resnet18" in done.stderr
