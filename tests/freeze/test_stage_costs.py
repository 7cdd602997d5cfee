"""What every stage of every method costs on the device, by hand: saved, trained and wire bytes, backward multiply-adds.

Expected values are sums over the layers of one small network, written down here; measured ones come from autograd's
saved tensors, from the tensors that a real round moves, and from torch's own operators, while the method's client half
does its step. The ledger's entry is held against both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from fl_core.catalogue import METHODS, MODELS, resolve
from fl_core.ledger.macs import MultiplyAdds
from fl_core.ledger.stage import stage_cost
from fl_core.memory.tensors import SavedTensors
from fl_core.methods.base import Batch, ClientHalf, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel, ModelSpec
from fl_core.rounds import ClientFacts, Now, Outcome, Report, RoundPlan, Stage, Task

FLOAT, LONG, BATCH, CLASSES = 4, 8, 6, 10
IN, OUT, ROWS = (1, 32, 64), (32, 64, 64), (8, 4, 2)  # the cnn on 1x8x8: channels, and rows of each block's output
WEIGHTS = tuple(9 * a * b for a, b in zip(IN, OUT, strict=True))  # of a block's convolution, and of its surrogate
MAPS = tuple(c * r * r for c, r in zip(OUT, ROWS, strict=True))
MACS = tuple(w * r * r for w, r in zip(WEIGHTS, ROWS, strict=True))
HEAD = 64 * CLASSES
PROJECTION = (16, 12, 8)
PROJECTED = (64, *PROJECTION)


class Cost(NamedTuple):
    """Per step or round, in scalars and multiply-adds per sample unless it says otherwise."""

    trained: int  # parameters
    saved: int  # per sample
    saved_once: int  # whatever the batch
    macs_backward: int
    buffers: int = 0  # norm statistics that travel, in bytes
    frozen: int = 0  # bytes that travel down once a stage


def block(at: int) -> int:
    """Parameters: the convolution's and the norm's two."""
    return WEIGHTS[at] + 2 * OUT[at]


def statistics(at: int) -> int:
    """Bytes of a norm's running mean, variance and counter."""
    return 2 * OUT[at] * FLOAT + LONG


def prefix(at: int) -> int:
    return sum(block(i) * FLOAT + statistics(i) for i in range(at))


def staged(at: int) -> Cost:
    """One live block behind surrogates: SmartFreeze's stage, ProFL's in both phases, freeze's."""
    later = range(at + 1, 3)
    kept = 2 * MAPS[at] + sum(MAPS[i] for i in later if i < 2) + (MAPS[at - 1] if at else 0)
    return Cost(
        trained=block(at) + sum(WEIGHTS[i] for i in later) + HEAD + CLASSES,
        saved=kept + 64 + CLASSES,
        saved_once=2 * OUT[at] + 1,
        macs_backward=MACS[at] + sum(2 * MACS[i] for i in later) + 2 * HEAD,
        buffers=statistics(at),
        frozen=prefix(at),
    )


def moving(cost: Cost, at: int) -> Cost:
    """ProFL's frozen norms keep moving: their statistics travel in every round."""
    moved = sum(statistics(i) for i in range(at))
    return cost._replace(buffers=cost.buffers + moved, frozen=cost.frozen - moved)


def mapped(at: int) -> Cost:
    """ProFL's mapping: one surrogate learns behind the prefix; of the last block the head learns along.

    Torch's convolution keeps its input for backward even where its weight is fixed.
    """
    last = at == 2
    later = range(at + 1, 3)
    return Cost(
        trained=WEIGHTS[at] + (HEAD + CLASSES if last else 0),
        saved=MAPS[at - 1] + sum(MAPS[i - 1] for i in later) + (64 if last else 0) + 2 * CLASSES,
        saved_once=0,
        macs_backward=MACS[at] + sum(MACS[i] for i in later) + HEAD * (2 if last else 1),
        buffers=sum(statistics(i) for i in range(at + 1)),
        frozen=prefix(at + 1)
        - sum(statistics(i) for i in range(at + 1))
        + (0 if last else (sum(WEIGHTS[i] for i in later) + HEAD + CLASSES) * FLOAT),
    )


def exit_of(at: int) -> Cost:
    """The FC-only output module: a pooled linear exit right behind the block."""
    return Cost(
        trained=block(at) + OUT[at] * CLASSES + CLASSES,
        saved=(MAPS[at - 1] if at else 0) + 2 * MAPS[at] + OUT[at] + CLASSES,
        saved_once=2 * OUT[at] + 1,
        macs_backward=MACS[at] + 2 * OUT[at] * CLASSES,
        buffers=statistics(at),
        frozen=prefix(at),
    )


WHOLE = Cost(
    trained=sum(block(i) for i in range(3)) + HEAD + CLASSES,
    saved=2 * sum(MAPS) + 64 + CLASSES,
    saved_once=2 * sum(OUT) + 1,
    macs_backward=MACS[0] + 2 * (MACS[1] + MACS[2]) + 2 * HEAD,
    buffers=sum(statistics(i) for i in range(3)),
)


def deep(depth: int) -> Cost:
    """DepthFL: the first blocks, an exit each."""
    exits = sum(OUT[i] * CLASSES + CLASSES for i in range(depth))
    return Cost(
        trained=sum(block(i) for i in range(depth)) + exits,
        saved=-1,  # the mutual distillation's small tensors: held against the meter alone
        saved_once=0,
        macs_backward=MACS[0] + 2 * sum(MACS[1:depth]) + 2 * sum(OUT[i] * CLASSES for i in range(depth)),
        buffers=sum(statistics(i) for i in range(depth)),
    )


def rotated(at: int) -> Cost:
    """NeuLite's stage without its curriculum: the block before trains along, the projection is held and not used.

    The tuned norm runs in eval mode, on statistics that the model holds anyway.
    """
    plain = staged(at)
    projection = sum(a * b + b for a, b in zip(PROJECTED, PROJECTION, strict=False))
    tuned, moved = (block(at - 1), statistics(at - 1)) if at else (0, 0)  # what is tuned travels with its statistics
    return plain._replace(
        trained=plain.trained + projection + tuned,
        saved=plain.saved + (MAPS[at - 1] if at else 0) + (MAPS[at - 2] if at > 1 else 0),
        macs_backward=plain.macs_backward + (MACS[at] + MACS[at - 1] if at else 0),
        buffers=plain.buffers + moved,
        frozen=plain.frozen - tuned * FLOAT - moved,
    )


PACED: dict[str, Any] = {"pace": "shares"}
CASES: list[tuple[str, dict[str, Any], dict[str, Cost]]] = [
    ("fedavg", {}, {"all": WHOLE}),
    ("exclusivefl", {}, {"all": WHOLE}),
    ("freeze", {}, {f"block{i + 1}": staged(i) for i in range(3)}),
    ("smartfreeze", PACED, {f"block{i + 1}": staged(i) for i in range(3)}),
    ("smartfreeze", {**PACED, "output": "fc"}, {f"block{i + 1}": exit_of(i) for i in range(3)}),
    (
        "profl",
        PACED,
        {
            **{f"shrink block{i + 1}": moving(staged(i), i) for i in (2, 1)},
            **{f"map block{i + 1}": mapped(i) for i in (2, 1)},
            **{f"grow block{i + 1}": moving(staged(i), i) for i in range(3)},
        },
    ),
    ("neulite", {"projection": PROJECTION, "curriculum": False}, {f"block{i + 1}": rotated(i) for i in range(3)}),
    ("depthfl", {}, {"depth 3": deep(3)}),
]
NAMED = [pytest.param(*case, id=f"{case[0]} {case[1].get('output', '')}".strip()) for case in CASES]


def spec() -> ModelSpec:
    return resolve("model", MODELS, "cnn")((1, 8, 8), CLASSES)  # type: ignore[no-any-return]


def stages(server: ServerHalf, rounds: int) -> dict[str, Stage]:
    """Those that a job goes through, as its server half plans them: rounds in which the one client always reports."""
    state, found = server.initial().tensors(), {}
    for index in range(1, rounds + 1):
        plan: RoundPlan = server.plan(Now(index, {"a": ClientFacts("a", samples=BATCH)}, state))
        stage = plan.tasks["a"].stage
        found[stage.name] = stage
        server.learn(Outcome(index, plan, {"a": Report(BATCH, 0.0)}, {}, state, None))
    return found


def halves(method: str, options: dict[str, Any], rounds: int) -> tuple[ServerHalf, ClientHalf]:
    made = resolve("method", METHODS, method)
    setup = Setup(spec(), made.checked(options), rounds, 0, learning_rate=0.1, momentum=0.9, batch=BATCH)
    return made.server(setup), made.client(setup)


@pytest.mark.parametrize(("method", "options", "expected"), NAMED)
def test_every_stage_costs_what_the_sums_say(method: str, options: dict[str, Any], expected: dict[str, Cost]) -> None:
    server, client = halves(method, options, len(expected))
    found = stages(server, len(expected))
    assert set(found) == set(expected)
    for name, cost in expected.items():
        measured = Measured(client, found[name])
        assert measured.trained == cost.trained * FLOAT, name
        assert measured.wire == (cost.trained * FLOAT + cost.buffers, cost.frozen), name
        assert measured.backward_macs == BATCH * cost.macs_backward, name
        if cost.saved >= 0:
            assert measured.saved == (BATCH * cost.saved + cost.saved_once) * FLOAT, name
        ledger = stage_cost(measured.model.spec, found[name].device, BATCH, client.cost)
        assert (ledger.trained_bytes, ledger.saved_bytes) == (measured.trained, measured.saved), name
        assert (ledger.up_bytes, ledger.down_once_bytes) == measured.wire, name
        assert ledger.backward_macs == measured.backward_macs, name


class Measured:
    """One step of the client half on one batch, under the meters; the bytes are those of the tensors that move."""

    def __init__(self, client: ClientHalf, stage: Stage) -> None:
        self.model: BlockedModel = client.build(stage)
        self.model.set_training()
        self.trained = sum(p.numel() * FLOAT for p in self.model.parameters() if p.requires_grad)
        part, tensors = stage.device, self.model.tensors()
        self.wire = tuple(
            sum(len(value.numpy().tobytes()) for key, value in tensors.items() if part.trained(key) == up)
            for up in (True, False)
        )
        inputs = torch.randn(BATCH, 1, 8, 8).contiguous(memory_format=torch.channels_last)
        labels = torch.arange(BATCH) % CLASSES
        client.begin(self.model, Task(stage))
        known = [*self.model.parameters(), *self.model.buffers(), inputs, labels]
        with SavedTensors(known) as saved, MultiplyAdds() as macs:
            client.step(self.model, Batch(inputs, labels, np.arange(BATCH)), None)
        self.saved, self.backward_macs = saved.bytes, macs.backward
