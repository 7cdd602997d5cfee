"""The four methods on real data, in one process: what they learn, what travels, and that equals are equal."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from fl_core.catalogue import METHODS, MODELS, resolve
from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import Answer, Batch, EdgeHalf, Exchange, Method, ServerHalf, Setup
from fl_core.models.blocks import BlockedModel
from fl_core.rounds import ClientFacts, Now, Stage
from fl_core.simulate import Simulated, simulate

MakeJob = Callable[..., Job]


def accuracies(result: Simulated) -> list[float]:
    return [event["accuracy"] for event in result.events if event["event"] == "round"]


def test_fedavg_learns_digits(make_job: MakeJob, digits_folder: str) -> None:
    assert accuracies(simulate(make_job("fedavg"), digits_folder))[-1] > 0.8


@pytest.mark.parametrize(("method", "options"), [("recompute", {}), ("split", {}), ("split", {"cut": "block2"})])
def test_recompute_and_split_equal_fedavg_bit_for_bit(
    method: str, options: dict[str, str], make_job: MakeJob, digits_folder: str
) -> None:
    reference = simulate(make_job("fedavg"), digits_folder)
    result = simulate(make_job(method, options=options), digits_folder)
    assert result.facts["parameters_sha256"] == reference.facts["parameters_sha256"]
    assert accuracies(result) == accuracies(reference)


def test_one_model_on_the_edge_for_all_devices(make_job: MakeJob, digits_folder: str) -> None:
    result = simulate(make_job("splitfed-v2", rounds=6), digits_folder)
    assert accuracies(result)[-1] > 0.8
    alone = [simulate(make_job(name, clients=["a"]), digits_folder) for name in ("fedavg", "splitfed-v2")]
    assert len({one.facts["parameters_sha256"] for one in alone}) == 1  # with one device it is FedAvg too


def test_few_replicas_at_a_time_change_no_bit(make_job: MakeJob, digits_folder: str) -> None:
    results = [simulate(make_job("split", edge_replicas=limit), digits_folder) for limit in (None, 1)]
    assert len({result.facts["parameters_sha256"] for result in results}) == 1
    held = [{event["edge"]["held"] for event in result.events if event["event"] == "round"} for result in results]
    assert max(held[0]) > 1 and held[1] == {1}


class Direct(Exchange):
    """Straight into an edge half, without a link."""

    def __init__(self, edge: EdgeHalf) -> None:
        self.edge = edge
        self.answers: deque[Answer] = deque()
        self.most_under_way = 0

    def post(self, tensors: Mapping[str, torch.Tensor], **meta: Any) -> None:
        self.answers.append(self.edge.answer({key: value.clone() for key, value in tensors.items()}, meta))
        self.most_under_way = max(self.most_under_way, len(self.answers))

    def take(self) -> Answer:
        return self.answers.popleft()


def one_split_step(micro_batches: int) -> tuple[float, list[torch.Tensor], int]:
    """Loss, gradients on the device and weights on the edge after one step; batch norm in eval mode."""
    method: Method = resolve("method", METHODS, "split")
    spec = resolve("model", MODELS, "cnn")((3, 8, 8), 10)
    setup = Setup(spec, method.checked({"micro_batches": micro_batches}), rounds=1, seed=1, learning_rate=0.1)
    stage = method.server(setup).plan(now(1)).tasks["a"].stage
    assert stage.edge is not None and method.edge is not None
    torch.manual_seed(0)
    device, rest = BlockedModel(spec, stage.device), BlockedModel(spec, stage.edge)
    for model in (device, rest):
        model.set_training()
        model.eval()
    line = Direct(method.edge(setup, rest, SGD(rest.trained_parameters(), lr=0.1)))
    batch = Batch(torch.randn(32, 3, 8, 8), torch.arange(32) % 10, np.arange(32))
    loss = method.client(setup).step(device, batch, line)
    gradients = [p.grad for p in device.parameters() if p.grad is not None]
    return loss, [*gradients, *(p.detach() for p in rest.parameters())], line.most_under_way


def test_micro_batches_make_the_whole_batchs_step_with_two_under_way() -> None:
    whole, pieces = one_split_step(1), one_split_step(4)
    assert (whole[2], pieces[2]) == (1, 2)
    assert abs(whole[0] - pieces[0]) < 1e-5 and len(whole[1]) == len(pieces[1]) > 4
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(whole[1], pieces[1], strict=True))


def test_another_seed_gives_another_model(make_job: MakeJob, digits_folder: str) -> None:
    digests = {simulate(make_job("fedavg", seed=s, rounds=1), digits_folder).facts["parameters_sha256"] for s in (1, 2)}
    assert len(digests) == 2


def test_freeze_trains_block_after_block_and_learns(make_job: MakeJob, digits_folder: str) -> None:
    result = simulate(make_job("freeze", rounds=6), digits_folder)
    rounds = [event for event in result.events if event["event"] == "round"]
    assert [event["stage"] for event in rounds] == ["block1", "block1", "block2", "block2", "block3", "block3"]
    assert accuracies(result)[-1] > 0.8


def server_half(name: str, rounds: int = 1, **changes: Any) -> ServerHalf:
    method: Method = resolve("method", METHODS, name)
    spec = resolve("model", MODELS, "resnet18")((3, 32, 32), 10)
    options = method.checked(changes.pop("options", {}))
    return method.server(Setup(spec, options, rounds, seed=3, **changes))


def now(round_index: int, clients: str = "abc") -> Now:
    return Now(round_index, {name: ClientFacts(name) for name in clients}, {})


def test_freeze_divides_its_rounds_among_the_blocks() -> None:
    half = server_half("freeze", rounds=10)
    stages = [half.plan(now(r)).tasks["a"].stage for r in range(1, 11)]
    assert [stage.name for stage in stages] == ["block1"] * 3 + ["block2"] * 2 + ["block3"] * 3 + ["block4"] * 2
    last = stages[-1].device
    assert last.frozen == ("block1", "block2", "block3") and last.live == ("block4",) and last.surrogates == ()
    with pytest.raises(BadJob, match="at least as many rounds, not 3"):
        server_half("freeze", rounds=3)


def test_split_divides_the_model_at_the_cut() -> None:
    stage = server_half("split", options={"cut": "block2"}).plan(now(1)).tasks["a"].stage
    assert Stage.from_json(json.loads(json.dumps(stage.to_json()))) == stage
    assert stage.device.live == ("block1", "block2") and not stage.device.head
    assert stage.edge is not None and stage.edge.live == ("block3", "block4") and stage.edge.head
    with pytest.raises(BadJob, match="can be cut after block1, block2, block3"):
        server_half("split", options={"cut": "block4"})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(BadJob, match="split has no option cutt; known: cut"):
        server_half("split", options={"cutt": "block1"})


def test_a_cohort_is_drawn_anew_each_round_and_the_same_after_a_restart() -> None:
    def drawn(round_index: int) -> list[str]:
        return list(server_half("fedavg", cohort=3, spare=1).plan(now(round_index, "abcdefgh")).tasks)

    assert all(len(drawn(r)) == 4 and drawn(r) == drawn(r) for r in range(1, 6))
    assert len({tuple(drawn(r)) for r in range(1, 6)}) > 1
    plan = server_half("fedavg", cohort=3, spare=1, minimum_reports=2).plan(now(1, "abcdefgh"))
    assert (plan.minimum, plan.enough) == (2, 3)


def test_a_client_that_fails_is_dropped_and_the_rest_go_on(
    make_job: MakeJob, digits_folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fl_core.client import Client

    train = Client.train

    def fail_in_round_two(self: Client, round_index: int, edge: object = None) -> object:
        if self.name == "b" and round_index == 2:
            raise RuntimeError("a board's worker dies")
        return train(self, round_index, edge)  # type: ignore[arg-type]

    monkeypatch.setattr(Client, "train", fail_in_round_two)
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    result = simulate(make_job("fedavg"), digits_folder)
    rounds = [event["reported"] for event in result.events if event["event"] == "round"]
    assert rounds == [["a", "b", "c"], ["a", "c"], ["a", "c"]]
    assert [event["client"] for event in result.events if event["event"] == "dropped"] == ["b"]


def test_a_bad_job_is_refused_by_name() -> None:
    with pytest.raises(BadJob, match="job format None; this core reads 1"):
        Job.from_json({})
    with pytest.raises(BadJob, match="unknown job fields: colour"):
        Job.from_json({"format": 1, "colour": "red"})
    with pytest.raises(BadJob, match="incomplete job"):
        Job.from_json({"format": 1, "method": "fedavg"})
