"""SmartSplit in whole jobs and batch by batch: what it learns, what it holds, and what it does when memory goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob, BudgetTooSmall
from fl_core.job import Job
from fl_core.ledger.cuts import cut_costs
from fl_core.managers.on_device import OnDevice
from fl_core.managers.remote import Ask, remote_cost, stand_in
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.profile import measure, static_bytes
from fl_core.memory.tensors import TensorPeak, unmetered
from fl_core.models.blocks import BlockedModel, Part
from fl_core.pooled import HerePool, PooledServer
from fl_core.simulate import Simulated, simulate

MakeJob = Callable[..., Job]
MIB = 2**20


def rounds(result: Simulated) -> list[dict[str, Any]]:
    return [event for event in result.events if event["event"] == "round"]


FIXED = {"central": False, "mec": False, "cut": "block2"}


@pytest.mark.parametrize("options", [FIXED, {**FIXED, "on_device": False}, {**FIXED, "share": 1.1}])
def test_with_fixed_cuts_it_learns_what_fedavg_learns(
    options: dict[str, Any], make_job: MakeJob, digits_folder: str
) -> None:
    digests = {
        simulate(job, digits_folder).facts["parameters_sha256"]
        for job in (make_job("fedavg"), make_job("smartsplit", options=options))
    }
    assert len(digests) == 1


def test_managers_choose_cuts_that_budgets_hold_and_the_model_learns(make_job: MakeJob, digits_folder: str) -> None:
    spec = resolve("model", MODELS, "cnn")((1, 8, 8), 10)
    costs = {cost.cut: cost for cost in cut_costs(spec, 32)}
    small = costs["block1"].least_bytes
    assert small < costs["block2"].least_bytes
    facts = {"a": {"memory_budget_bytes": small}, "b": {"memory_budget_bytes": small - 1}}
    job = make_job("smartsplit", client_facts=facts, rounds=8, batches_per_round=None, options={"replan_rounds": 3})
    done = rounds(simulate(job, digits_folder))
    asked = [event["notes"]["cuts"] for event in done]
    assert all("b" not in cuts and cuts["a"] == "block1" for cuts in asked if "a" in cuts)
    assert any("c" in cuts for cuts in asked)
    assert done[-1]["accuracy"] > 0.8


def test_simulated_clients_are_given_cuts_by_their_budgets(make_job: MakeJob, digits_folder: str) -> None:
    """Without phases of a real exchange there are no rates: memory and data alone decide."""
    small = cut_costs(resolve("model", MODELS, "cnn")((1, 8, 8), 10), 32)[0].least_bytes
    facts = {name: {"memory_budget_bytes": small} for name in "ab"}
    events: list[dict[str, Any]] = []
    job = make_job("smartsplit", client_facts=facts)
    PooledServer(job, digits_folder, HerePool(job, digits_folder), events.append).run_rounds()
    cuts = [event["notes"]["cuts"] for event in events if event["event"] == "round"]
    assert all(cut == "block1" for asked in cuts for name, cut in asked.items() if name != "c") and any(cuts)


def test_no_client_that_holds_a_part_is_an_error_with_the_least(make_job: MakeJob, digits_folder: str) -> None:
    facts = {name: {"memory_budget_bytes": 1000} for name in "abc"}
    with pytest.raises(BadJob, match="no client's budget holds its part of cnn at batch 32: the smallest part needs"):
        simulate(make_job("smartsplit", client_facts=facts), digits_folder)


class Edge:
    """The rest of the model, out of the device's memory."""

    def __init__(self, rest: BlockedModel) -> None:
        self.rest = rest
        self.asked = 0

    def ask(self, labels: Tensor, share: float, last: bool) -> Ask:
        def question(smashed: Tensor) -> tuple[float, Tensor]:
            self.asked += 1
            with unmetered():
                return self.trained(smashed, labels, share)

        return question

    def trained(self, smashed: Tensor, labels: Tensor, share: float) -> tuple[float, Tensor]:
        leaf = smashed.clone().requires_grad_()
        with torch.enable_grad():
            loss = functional.cross_entropy(self.rest(leaf), labels) * share
            loss.backward()  # type: ignore[no-untyped-call]
        self.rest.zero_grad(set_to_none=True)
        assert leaf.grad is not None
        return float(loss.detach()), leaf.grad


def halves(name: str, after: int) -> tuple[BlockedModel, Edge]:
    torch.manual_seed(0)
    spec = resolve("model", MODELS, name)((3, 32, 32), 10)
    device = BlockedModel(spec, Part(live=spec.block_names[:after]))
    rest = BlockedModel(spec, Part(live=spec.block_names[after:], head=True))
    for model in (device, rest):
        model.set_training()
    return device, Edge(rest)


def batch_of(samples: int) -> tuple[Tensor, Tensor]:
    return torch.randn(samples, 3, 32, 32).contiguous(memory_format=torch.channels_last), torch.arange(samples) % 10


def test_a_budget_that_steps_is_kept_by_recomputation_then_by_micro_batches() -> None:
    device, edge = halves("resnet18", 2)
    inputs, labels = batch_of(8)
    optimiser = SGD(device.trained_parameters(), lr=0.01, momentum=0.9)
    OnDevice(device.live_units(), budget.smallest()).step(inputs, labels, edge.ask, optimiser)  # makes the momentum
    held = static_bytes(device, inputs, momentum=True)
    plain = cut_costs(device.spec, 8)[1].plain_bytes
    script = [int(plain * share) for share in (0.9, 0.5, 0.8, 0.4, 0.7, 0.45)]
    manager = OnDevice(device.live_units(), budget.script(script))
    for limit in script:
        with TensorPeak(new_only=True) as meter:
            manager.step(inputs, labels, edge.ask, optimiser)
            optimiser.step()
        peak = held + meter.peak_bytes
        assert peak <= limit
        assert abs(peak / manager.ways[-1].plan.peak_bytes - 1) < 0.03
    assert {way.pieces for way in manager.ways} > {1} and len({way.plan for way in manager.ways}) > 3
    assert any("recompute" in way.plan.modes or "rebuild" in way.plan.modes for way in manager.ways)


def test_what_the_machine_has_left_is_asked_before_every_batch(tmp_path: Path) -> None:
    """`/proc/meminfo` as a file; a real neighbour that takes memory is in tests/memory/test_budget.py."""
    device, edge = halves("cnn", 2)
    inputs, labels = batch_of(16)
    optimiser = SGD(device.trained_parameters(), lr=0.01)
    (tmp_path / "proc").mkdir()
    manager = OnDevice(device.live_units(), budget.available(str(tmp_path)))
    for left_kib in (100_000, 4_000, 100, 100_000):
        (tmp_path / "proc/meminfo").write_text(f"MemAvailable: {left_kib} kB\n")
        manager.step(inputs, labels, edge.ask, optimiser)
    free, less, least, again = (way.pieces for way in manager.ways)
    assert free == again == 1 and 1 < less < least == 8  # too little for any plan: the leanest goes on


def test_a_budget_below_every_plan_names_the_smallest() -> None:
    device, edge = halves("cnn", 1)
    inputs, labels = batch_of(8)
    optimiser = SGD(device.trained_parameters(), lr=0.01)
    manager = OnDevice(device.live_units(), budget.script([10_000]))
    with pytest.raises(BudgetTooSmall, match=r"smallest that works is \d+\.\d\d MiB in 4 micro-batches: cut the model"):
        manager.step(inputs, labels, edge.ask, optimiser)
    assert edge.asked == 0


def test_the_stand_in_costs_what_the_table_says() -> None:
    hidden = torch.randn(4, 8, 16, 16)
    unit = torch.nn.Conv2d(8, 8, 3, padding=1)
    profile = measure([unit, stand_in()], hidden, EXACT, repeats=0)
    said = remote_cost(profile.units[0].output_bytes, EXACT)
    assert profile.units[1]._replace(modes={}) == said._replace(modes={})
    assert profile.units[1].modes == said.modes


def test_the_table_of_cuts_is_the_models() -> None:
    spec = resolve("model", MODELS, "resnet18")((3, 32, 32), 10)
    costs = cut_costs(spec, 4)
    assert [cost.cut for cost in costs] == ["block1", "block2", "block3"]
    assert all(cost.least_bytes < cost.plain_bytes for cost in costs)
    assert [cost.smashed_bytes for cost in costs] == [4 * 4 * 64 * 1024 // 2**i for i in range(3)]
    assert {cost.device_macs + cost.edge_macs for cost in costs} == {4 * 555_422_720}
    assert costs == sorted(costs, key=lambda cost: cost.model_bytes)
    device, edge = halves("resnet18", 1)
    manager = OnDevice(device.live_units(), budget.smallest(), 2)
    manager.step(*batch_of(4), edge.ask, SGD(device.trained_parameters(), lr=0.01, momentum=0.9))
    halved = cut_costs(spec, 4, pieces=2)[0].least_bytes
    assert manager.ways[0].plan.peak_bytes == pytest.approx(halved, abs=16) and halved < costs[0].least_bytes
