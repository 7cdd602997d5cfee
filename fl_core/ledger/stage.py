"""The ledger entry of one stage: what a part of a model costs a device per step and per round.

Two steps are run on very small batches and extrapolated. Every tensor of a step has a size that is a polynomial of at
most second degree in the batch (the kernel matrices of nHSIC are the quadratic ones), so three batches give the bytes
of any batch exactly; the same holds for the sum of live bytes at each allocation, hence for the tensor peak. Workspace
inside a kernel is not seen. Needs torch >= 2.1, as the tensor meter does.
"""

import gc
from typing import Callable, List, NamedTuple, Sequence, Tuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.ledger.macs import MultiplyAdds
from fl_core.memory.optimiser import SGD
from fl_core.memory.tensors import SavedTensors, TensorPeak
from fl_core.models.blocks import BlockedModel, ModelSpec, Part

Step = Callable[[BlockedModel, Tensor, Tensor], None]  # forward and backward: leaves gradients in the model
TRACED = (2, 3, 4)  # samples: batch norm needs more than one


class StageCost(NamedTuple):
    """One client, one stage. Bytes are of tensors; those on the wire are payload, without headers."""

    held_bytes: int  # parameters and buffers of the part
    trained_bytes: int  # parameters that are trained: as many for the gradients, as many for the momentum
    saved_bytes: (
        int  # activations that autograd saves for one backward pass, the prefix's output among them, the batch not
    )
    peak_bytes: int  # tensor peak of a step with momentum, the batch and all weights included
    down_once_bytes: int  # frozen tensors: down at the beginning of the stage
    down_bytes: int  # down in every round
    up_bytes: int  # up in every round
    forward_macs: int  # multiply-adds of one step
    backward_macs: int


class _Timeline(TensorPeak):  # type: ignore[no-untyped-call]
    """Live bytes after each allocation, above what there was at entry."""

    def __init__(self) -> None:
        super().__init__(new_only=True)
        self.moments: List[int] = []

    def _count(self, tensor: Tensor, counts: bool = True) -> None:
        before = len(self._seen)
        super()._count(tensor, counts)
        if len(self._seen) > before:
            self.moments.append(self.live_bytes)


class _Trace(NamedTuple):
    """What one batch size showed."""

    saved_bytes: int
    live_bytes: Tuple[int, ...]
    forward_macs: int
    backward_macs: int


def plain(model: BlockedModel, inputs: Tensor, labels: Tensor) -> None:
    """Cross-entropy through everything the part holds."""
    functional.cross_entropy(model(inputs), labels).backward()  # type: ignore[no-untyped-call]


def stage_cost(spec: ModelSpec, part: Part, batch: int, step: Step = plain) -> StageCost:
    """The entry of `part` for batches of `batch` samples, momentum SGD and fp32.

    Raises `NeedsNewerTorch` where the tensor meter cannot run.
    """
    gc.collect()  # what is garbage already must not be freed in the middle of a trace
    with torch.random.fork_rng(devices=[]):
        model = BlockedModel(spec, part)
        model.set_training()
        traces = [_trace(model, size, step) for size in TRACED]
    sizes = {key: value.numel() * value.element_size() for key, value in model.tensors().items()}
    held, moved = sum(sizes.values()), sum(size for key, size in sizes.items() if part.trained(key))
    return StageCost(
        held_bytes=held,
        trained_bytes=sum(p.numel() * p.element_size() for p in model.trained_parameters()),
        saved_bytes=extrapolated([trace.saved_bytes for trace in traces], batch),
        peak_bytes=held + max(extrapolated(moment, batch) for moment in _aligned(traces)),
        down_once_bytes=held - moved,
        down_bytes=moved,
        up_bytes=moved,
        forward_macs=extrapolated([trace.forward_macs for trace in traces], batch),
        backward_macs=extrapolated([trace.backward_macs for trace in traces], batch),
    )


def extrapolated(values: Sequence[int], batch: int) -> int:
    """The value at `batch` of the parabola through the values at the traced batches (Newton's forward differences)."""
    first, second, third = values
    steps = batch - TRACED[0]
    return first + steps * (second - first) + steps * (steps - 1) // 2 * (third - 2 * second + first)


def _aligned(traces: Sequence[_Trace]) -> List[Tuple[int, ...]]:
    """The same moment of each trace side by side."""
    counts = {len(trace.live_bytes) for trace in traces}
    assert len(counts) == 1, "a step allocates the same tensors whatever its batch"
    return list(zip(*(trace.live_bytes for trace in traces)))


def _trace(model: BlockedModel, size: int, step: Step) -> _Trace:
    spec = model.spec
    inputs = torch.randn(size, *spec.input_shape).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, spec.classes, (size,))
    with SavedTensors([*model.parameters(), *model.buffers(), inputs, labels]) as saved, MultiplyAdds() as macs:
        step(model, inputs, labels)
    model.zero_grad(set_to_none=True)
    batch_bytes = sum(tensor.numel() * tensor.element_size() for tensor in (inputs, labels))
    live = tuple(batch_bytes + moment for moment in _live_bytes(model, inputs, labels, step))
    return _Trace(saved.bytes, live, macs.forward, macs.backward)


def _live_bytes(model: BlockedModel, inputs: Tensor, labels: Tensor, step: Step) -> Tuple[int, ...]:
    """Above model and batch, at each allocation of the second of two steps: momentum is there from the first."""
    optimiser = SGD(model.trained_parameters(), lr=0.0, momentum=0.9)
    gc.disable()  # a collection in the middle would free at another moment in each trace
    try:
        timeline = _Timeline()
        with timeline:
            for _ in range(2):
                timeline.moments.clear()
                step(model, inputs, labels)
                optimiser.step()
            return tuple(timeline.moments)
    finally:
        gc.enable()
