"""The split baselines against plain loops: whatever lies where, the same numbers are learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.aggregate import WeightedMean
from fl_core.catalogue import MODELS, resolve
from fl_core.client import own_data
from fl_core.data.dataset import batches
from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.memory.optimiser import SGD
from fl_core.methods import split, split_ushaped, splitfed_v2
from fl_core.methods.base import Answer
from fl_core.models.blocks import BlockedModel, ModelSpec, Part, whole
from fl_core.pooled import HerePool, PooledServer
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


@pytest.mark.parametrize("method", ["split-ushaped", "split-vanilla"])
def test_a_pool_gives_the_bits_of_boards(method: str, make_job: MakeJob, digits_folder: str) -> None:
    job = make_job(method)
    pooled = PooledServer(job, digits_folder, HerePool(job, digits_folder), lambda event: None).run_rounds()
    assert pooled["parameters_sha256"] == simulate(job, digits_folder).facts["parameters_sha256"]


class Shared:
    """SplitFed v2 as a plain loop: a device's model for each client, one for the rest, batches in a given order."""

    def __init__(self, job: Job, folder: str) -> None:
        self.job = job
        self.data = job.load_data(folder)
        spec = job.build_spec(self.data.shape, self.data.classes)
        torch.manual_seed(job.seed)
        self.begin = BlockedModel(spec, whole(spec)).tensors()
        names = spec.block_names
        self.edge = self.model(spec, Part(live=names[1:], head=True))
        self.devices = {client: self.model(spec, Part(live=names[:1])) for client in job.clients}
        self.own = {client: own_data(job, client, self.data) for client in job.clients}
        self.batches = {
            client: list(batches(self.own[client], job.batch, 1, job.batches_per_round, job.round_seed(1, client)))
            for client in job.clients
        }

    def model(self, spec: ModelSpec, part: Part) -> tuple[BlockedModel, SGD]:
        model = BlockedModel(spec, part)
        model.load({key: value for key, value in self.begin.items() if part.holds(key)})
        model.set_training()
        return model, SGD(model.trained_parameters(), self.job.learning_rate, self.job.momentum)

    def trained(self, arrived: list[tuple[int, ...]]) -> dict[str, Tensor]:
        """The average after one round; `arrived`: labels of the batches, as the edge server saw them."""
        for labels in arrived:
            client = next(c for c, left in self.batches.items() if left and tuple(left[0][1]) == labels)
            self.step(client, *self.batches[client].pop(0)[:2])
        mean = WeightedMean({key: value.shape for key, value in self.begin.items()}, len(self.data.train_labels))
        counts = {client: len(own.train_labels) for client, own in self.own.items()}
        for client, (model, _) in self.devices.items():
            mean.add(counts[client], to_arrays(model.tensors()), {})
        mean.add(sum(counts.values()), to_arrays(self.edge[0].tensors()), {})
        return mean.result(self.begin)

    def step(self, client: str, images: np.ndarray, labels: np.ndarray) -> None:
        (device, own), (rest, shared) = self.devices[client], self.edge
        smashed = device(own_tensor(images, channels_last=True))
        leaf = smashed.detach().requires_grad_()
        functional.cross_entropy(rest(leaf), torch.from_numpy(labels)).backward()  # type: ignore[no-untyped-call]
        shared.step()
        smashed.backward(leaf.grad)
        own.step()


def test_splitfed_v2_is_one_edge_part_trained_in_the_order_of_arrival(
    make_job: MakeJob, digits_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[tuple[int, ...]] = []
    answer = splitfed_v2.Edge.answer

    def listening(self: splitfed_v2.Edge, tensors: Any, meta: Any) -> Answer:
        arrived.append(tuple(tensors["labels"].tolist()))
        return answer(self, tensors, meta)

    monkeypatch.setattr(splitfed_v2.Edge, "answer", listening)
    job = make_job("splitfed-v2", rounds=1, rehearse_batches=0)
    learned = simulate(job, digits_folder).state
    reference = Shared(job, digits_folder).trained(arrived)
    assert len(arrived) == 12 and all(torch.equal(value, reference[key]) for key, value in learned.items())


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
        ({"micro_batches": 0}, "micro_batches must be a whole number above 0, not 0"),
    ],
)
def test_what_cannot_be_cut_is_refused(
    options: dict[str, Any], why: str, make_job: MakeJob, digits_folder: str
) -> None:
    with pytest.raises(BadJob, match=why):
        simulate(make_job("split", options=options), digits_folder)


def test_a_client_without_a_cut_of_its_own_is_named(make_job: MakeJob, digits_folder: str) -> None:
    with pytest.raises(BadJob, match="cut names no block for b; it has a"):
        simulate(make_job("split", options={"cut": {"a": "block1"}}), digits_folder)


def test_a_model_of_one_block_is_refused_with_the_remedy() -> None:
    spec = resolve("model", MODELS, "cnn")((1, 8, 8), 10)
    with pytest.raises(BadJob, match="cnn is one block and cannot be cut; take grain: unit"):
        split.check_cut(spec._replace(blocks=spec.blocks[:1]), "block1")
