"""Meters against known allocations; the lean optimiser against torch's own, bit for bit."""

from __future__ import annotations

import mmap
import subprocess
import sys

import pytest
import torch
from torch import nn

from fl_core.memory.backward import backward_from
from fl_core.memory.optimiser import SGD
from fl_core.memory.process import high_water_bytes, reset_high_water, resident_bytes
from fl_core.memory.tensors import SavedTensors, TensorPeak

MIB = 1024 * 1024


def test_tensor_peak_of_known_allocations() -> None:
    kept = torch.zeros(MIB, dtype=torch.uint8)
    with TensorPeak() as peak:
        before = peak.live_bytes
        first = torch.ones(4 * MIB, dtype=torch.uint8)
        view = first[MIB:]  # shares its storage: not counted again
        del first
        second = view + 1
        del view, second
        torch.ones(MIB, dtype=torch.uint8)
    assert before >= kept.nbytes
    assert peak.peak_bytes - before == 7 * MIB
    assert peak.live_bytes == before


def test_saved_tensors_of_a_known_layer() -> None:
    layer = nn.Linear(64, 32)
    inputs = torch.randn(10, 64, requires_grad=True)
    with SavedTensors(exclude=layer.parameters()) as saved:
        torch.relu(layer(inputs))
    assert saved.bytes == (10 * 64 + 10 * 32) * 4  # the layer's input, and relu's output


def test_high_water_mark_catches_what_is_freed_again() -> None:
    if not reset_high_water():
        pytest.skip("this kernel does not reset VmHWM")
    start = resident_bytes()
    with mmap.mmap(-1, 64 * MIB) as block:  # a fresh mapping: freed heap would hide it
        for page in range(0, 64 * MIB, mmap.PAGESIZE):
            block[page] = 1
    peak = high_water_bytes()
    assert start is not None and peak is not None
    assert 60 * MIB < peak - start < 140 * MIB


@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.0, 0.0), (0.9, 0.0), (0.9, 5e-4), (0.0, 5e-4)])
def test_sgd_is_torchs_sgd_bit_for_bit(momentum: float, weight_decay: float) -> None:
    torch.manual_seed(0)
    ours = [torch.randn(5, 3, requires_grad=True), torch.randn(4, requires_grad=True)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    mine = SGD(ours, 0.1, momentum, weight_decay)
    reference = torch.optim.SGD(theirs, lr=0.1, momentum=momentum, weight_decay=weight_decay)
    for _ in range(4):
        for group in (ours, theirs):
            sum((p**3).sum() for p in group).backward()  # type: ignore[union-attr]
        mine.step()
        reference.step()
        reference.zero_grad()
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_backward_from_a_gradient_is_torchs_own() -> None:
    weight, inputs, gradient = torch.randn(4, 4, requires_grad=True), torch.randn(3, 4), torch.randn(3, 4)
    torch.tanh(inputs @ weight).backward(gradient)
    expected = weight.grad
    weight.grad = None
    backward_from(torch.tanh(inputs @ weight), gradient)
    assert expected is not None and weight.grad is not None and torch.equal(weight.grad, expected)


def test_the_worker_stays_free_of_dynamo() -> None:
    """torch._dynamo and sympy cost 60 to 90 MiB: neither training nor the tensor meter may import them."""
    code = (
        "import sys, torch; from fl_core.job import Job; from fl_core.client import Client; import fl_core.worker;"
        "from fl_core.models.blocks import *; from fl_core.tensors import to_arrays;"
        "job = Job('recompute', 'cnn', 'synthetic-cifar', {'kind': 'iid'}, ['a'], 8, 1, 0.1, 1, momentum=0.9,"
        " batches_per_round=2); c = Client(job, 'a', job.load_data('.'));"
        "from fl_core.rounds import Stage, Task; s = c.half.spec;"
        "c.receive(Task(Stage('all', whole(s))), to_arrays(BlockedModel(s, whole(s)).tensors()));"
        "c.rehearse(1); c.train(1);"
        "print([m for m in ('torch._dynamo', 'sympy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
