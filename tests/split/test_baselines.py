"""The split baselines against plain loops: whatever lies where, the same numbers are learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.aggregate import WeightedMean
from fl_core.client import own_data
from fl_core.data.dataset import batches
from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.memory.optimiser import SGD
from fl_core.methods import split_ushaped
from fl_core.methods.base import Answer
from fl_core.models.blocks import BlockedModel, whole
from fl_core.simulate import Simulated, simulate
from fl_core.tensors import own_tensor, to_arrays

MakeJob = Callable[..., Job]
EACH_ITS_OWN = {"a": "block1", "b": "block2", "c": "block1"}


def in_turn(job: Job, folder: str) -> list[Tensor]:
    """One whole model that the clients train one after the other: what vanilla split learning must learn."""
    data = job.load_data(folder)
    spec = job.build_spec(data.shape, data.classes)
    torch.manual_seed(job.seed)
    model = BlockedModel(spec, whole(spec))
    model.set_training()
    for round_index in range(1, job.rounds + 1):
        client = job.clients[(round_index - 1) % len(job.clients)]
        own = own_data(job, client, data)
        optimiser = SGD(model.trained_parameters(), job.learning_rate, job.momentum)
        seed = job.round_seed(round_index, client)
        for images, labels, _ in batches(own, job.batch, 1, job.batches_per_round, seed):
            logits = model(own_tensor(images, channels_last=True))
            functional.cross_entropy(logits, torch.from_numpy(labels)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        model.load(through_the_server(model, len(own.train_labels), len(data.train_labels)))
    return list(model.tensors().values())


def through_the_server(model: BlockedModel, samples: int, total: int) -> dict[str, Tensor]:
    """The average of one: its fixed point rounds values below 2^-21."""
    tensors = model.tensors()
    mean = WeightedMean({key: value.shape for key, value in tensors.items()}, total)
    mean.add(samples, to_arrays(tensors), {})
    return mean.result(tensors)


def same(result: Simulated, reference: list[Tensor]) -> bool:
    learned = list(result.state.values())
    return len(learned) == len(reference) and all(torch.equal(a, b) for a, b in zip(learned, reference, strict=True))


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("split", {"cut": EACH_ITS_OWN}),
        ("split", {"cut": "block2", "grain": "unit"}),
        ("split-ushaped", {}),
        ("split-ushaped", {"cut": EACH_ITS_OWN}),
    ],
)
def test_parallel_splits_learn_what_fedavg_learns(
    method: str, options: dict[str, Any], make_job: MakeJob, digits_folder: str
) -> None:
    reference = simulate(make_job("fedavg"), digits_folder)
    result = simulate(make_job(method, options=options), digits_folder)
    assert same(result, list(reference.state.values()))


def test_vanilla_split_learning_is_one_model_that_goes_round(make_job: MakeJob, digits_folder: str) -> None:
    job = make_job("split-vanilla", rounds=4)
    result = simulate(job, digits_folder)
    assert same(result, in_turn(job, digits_folder))
    assert [e["reported"] for e in result.events if e["event"] == "round"] == [["a"], ["b"], ["c"], ["a"]]


def test_labels_never_leave_a_u_shaped_device(
    make_job: MakeJob, digits_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    answer = split_ushaped.Edge.answer

    def listening(self: split_ushaped.Edge, tensors: Any, meta: Any) -> Answer:
        seen.update(tensors)
        assert not meta
        return answer(self, tensors, meta)

    monkeypatch.setattr(split_ushaped.Edge, "answer", listening)
    simulate(make_job("split-ushaped", rounds=1), digits_folder)
    assert seen == {"smashed", "gradient"}


def test_the_ledger_knows_both_ends_of_a_u(make_job: MakeJob, digits_folder: str) -> None:
    rehearsed = [e for e in simulate(make_job("split-ushaped"), digits_folder).events if e["event"] == "reckoned"]
    straight = [e for e in simulate(make_job("split"), digits_folder).events if e["event"] == "reckoned"]
    assert rehearsed[0]["analytic_bytes"] > straight[0]["analytic_bytes"] > 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cut": "block9"}, "cut 'block9': cnn can be cut after block1, block2"),
        ({"cut": {"a": "block1", "b": "head"}}, "cut 'head': cnn can be cut after"),
        ({"grain": "layer"}, "grain must be block or unit, not 'layer'"),
    ],
)
def test_a_cut_that_is_none_is_refused(
    options: dict[str, Any], why: str, make_job: MakeJob, digits_folder: str
) -> None:
    with pytest.raises(BadJob, match=why):
        simulate(make_job("split", options=options), digits_folder)
    with pytest.raises(BadJob, match="cut names no block for b; it has a"):
        simulate(make_job("split", options={"cut": {"a": "block1"}}), digits_folder)
