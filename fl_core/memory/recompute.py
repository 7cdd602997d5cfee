"""Activation checkpointing by segments (Chen et al. 2016): keep a segment's input, rebuild the rest in backward.

Own autograd function instead of torch.utils.checkpoint, whose non-reentrant form imports torch._dynamo (70 MiB).
Gradients are bit-equal to plain training; random state is restored for the second forward, and batch-norm statistics
are not counted twice.
"""

from contextlib import contextmanager
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch import Tensor, nn

from fl_core.memory.backward import backward_from
from fl_core.memory.tensors import SavedTensors

Segment = Tuple[int, int]  # units [start, end)


class Plan(NamedTuple):
    """Which runs of units are rebuilt in backward; units from `plain_from` on keep what they save."""

    segments: Tuple[Segment, ...]
    plain_from: int
    peak_bytes: int  # predicted activation and gradient bytes at the worst moment of backward


class UnitCost(NamedTuple):
    """Bytes of one unit for one batch."""

    saved_bytes: int  # what autograd saves inside the unit
    input_bytes: int
    gradient_bytes: int  # of its parameters: they stay once its backward is done


def run_units(units: Sequence[nn.Module], hidden: Tensor) -> Tensor:
    for unit in units:
        hidden = unit(hidden)
    return hidden


class _Segment(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, units: List[nn.Module], hidden: Tensor, _attach: Tensor) -> Tensor:
        ctx.units = units
        ctx.random_state = torch.get_rng_state()
        ctx.save_for_backward(hidden)
        with torch.no_grad():
            return run_units(units, hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (saved,) = ctx.saved_tensors
        hidden = saved.detach().requires_grad_(ctx.needs_input_grad[1])
        backward_from(_again(ctx.units, hidden, ctx.random_state), gradients[0])
        return None, hidden.grad, None


def _again(units: Sequence[nn.Module], hidden: Tensor, random_state: Tensor) -> Tensor:
    """The segment's second forward, with the first one's random numbers and without its effect on batch norm.

    A function of its own so that no name holds the output while its graph is walked back and freed.
    """
    now = torch.get_rng_state()
    torch.set_rng_state(random_state)
    with torch.enable_grad(), _norm_statistics_kept(units):
        output = run_units(units, hidden)
    torch.set_rng_state(now)
    return output


@contextmanager
def _norm_statistics_kept(units: Sequence[nn.Module]) -> Iterator[None]:
    """The second forward sees the same batch again: its running statistics must not move."""
    norms = [
        module
        for unit in units
        for module in unit.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.training and module.track_running_stats
    ]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def checkpointed(units: Sequence[nn.Module], plan: Plan, hidden: Tensor) -> Tensor:
    """Run `units` on `hidden` by the plan. Bit-equal to `run_units` in output and gradients."""
    attach = torch.ones((), requires_grad=True)  # lets the first segment train although its input needs no gradient
    for start, end in plan.segments:
        hidden = _Segment.apply(list(units[start:end]), hidden, attach)  # type: ignore[no-untyped-call]
    return run_units(units[plan.plain_from :], hidden)


def unit_costs(units: Sequence[nn.Module], sample: Tensor, batch: int) -> List[UnitCost]:
    """Measure each unit's bytes on two samples and scale to the batch: saved activations are linear in it."""
    hidden = sample[:2]
    scale = batch / len(hidden)
    weights = [tensor for unit in units for tensor in [*unit.parameters(), *unit.buffers()]]
    costs: List[UnitCost] = []
    graphs = []  # kept to the end: a freed tensor's address would be taken for one already counted
    with torch.random.fork_rng(devices=[]), _norm_statistics_kept(units), SavedTensors([*weights, hidden]) as saved:
        for unit in units:
            before = saved.bytes
            output = unit(hidden.detach().requires_grad_())
            graphs.append(output)
            input_bytes = hidden.numel() * hidden.element_size()
            gradient_bytes = sum(p.numel() * p.element_size() for p in unit.parameters())
            costs.append(UnitCost(int((saved.bytes - before) * scale), int(input_bytes * scale), gradient_bytes))
            hidden = output
    return costs


def plan_segments(costs: Sequence[UnitCost], budget_bytes: Optional[int] = None) -> Plan:
    """The plan that rebuilds least within the budget; without one (or where none fits) that of the smallest peak.

    Every plain tail is tried with every size that a run of units can have as the segments' limit.
    """
    count = len(costs)
    runs = {sum(c.saved_bytes for c in costs[a:b]) for a in range(count) for b in range(a + 1, count + 1)}
    plans = [_packed(costs, plain_from, limit) for plain_from in range(count + 1) for limit in runs]
    fitting = [plan for plan in plans if budget_bytes is not None and plan.peak_bytes <= budget_bytes]
    if not fitting:
        return min(plans, key=lambda plan: (plan.peak_bytes, plan.plain_from))
    return min(fitting, key=lambda plan: (plan.plain_from, plan.peak_bytes))


def _packed(costs: Sequence[UnitCost], plain_from: int, limit: int) -> Plan:
    """Fill segments of at most `limit` saved bytes from the front; the rest stays plain."""
    segments: List[Segment] = []
    start, filled = 0, 0
    for index in range(plain_from):
        if index > start and filled + costs[index].saved_bytes > limit:
            segments.append((start, index))
            start, filled = index, 0
        filled += costs[index].saved_bytes
    if plain_from > start:
        segments.append((start, plain_from))
    return Plan(tuple(segments), plain_from, _peak_bytes(costs, [*segments, (plain_from, len(costs))]))


def _peak_bytes(costs: Sequence[UnitCost], runs: Sequence[Segment]) -> int:
    """Largest sum over the backward pass, run by run from the back: the inputs of the runs up to it, what it saves,
    and the gradients of everything behind its beginning."""
    peaks = []
    for index, (start, end) in enumerate(runs):
        inputs = sum(costs[a].input_bytes for a, b in runs[: index + 1] if b > a)
        saved = sum(c.saved_bytes for c in costs[start:end])
        gradients = sum(c.gradient_bytes for c in costs[start:])
        peaks.append(inputs + saved + gradients)
    return max(peaks)
