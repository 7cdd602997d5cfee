"""The analytic figure of a stage beside the tensor peak that the meter sees in plain training."""

from __future__ import annotations

from fl_core.job import Job
from fl_core.ledger.analytic import analytic_bytes
from fl_core.models.blocks import BlockedModel, Part, whole
from fl_core.rounds import Stage

JOB = Job(method="fedavg", model="resnet18", dataset="synthetic-cifar", partition={"kind": "iid"}, clients=["a"],
          batch=8, rounds=1, learning_rate=0.1, seed=1, momentum=0.9)  # fmt: skip
SPEC = JOB.build_spec((3, 32, 32), 10)


def test_whole_and_split_and_without_momentum() -> None:
    full = analytic_bytes(JOB, SPEC, Stage("all", whole(SPEC)))
    first = analytic_bytes(JOB, SPEC, Stage("split", Part(live=SPEC.block_names[:1])))
    bare = analytic_bytes(JOB._replace(momentum=0.0), SPEC, Stage("all", whole(SPEC)))
    assert full is not None and first is not None and bare is not None
    weights = 4 * sum(parameter.numel() for parameter in BlockedModel(SPEC, whole(SPEC)).parameters())
    assert full - bare == weights
    assert full > 3 * weights and first < full / 2


def test_a_stage_of_another_shape_has_none() -> None:
    assert analytic_bytes(JOB, SPEC, Stage("narrow", whole(SPEC), shape={"width": 0.5})) is None


def test_it_grows_with_the_batch_alone() -> None:
    small, large = (analytic_bytes(JOB._replace(batch=batch), SPEC, Stage("all", whole(SPEC))) for batch in (8, 16))
    assert small is not None and large is not None and 0 < large - small < small
