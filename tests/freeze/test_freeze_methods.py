"""The freeze family and its baselines on real data, in one process: what each trains, where, and who takes part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.methods.base import Batch
from fl_core.methods.neulite import Client as NeuLiteClient
from fl_core.methods.neulite import last_layers, scheduled, with_projection
from fl_core.methods.profl import logits_of_both
from fl_core.methods.smartfreeze import Client as SmartFreezeClient
from fl_core.models.blocks import BlockedModel, whole
from fl_core.rounds import Stage, Task
from fl_core.simulate import Simulated, simulate
from fl_core.submodel.width import narrowed
from harness.datasets import find

QUICK = {"least_rounds": 2, "window": 3, "fit_points": 3, "evaluations": 2}
MIB = 2**20


def job(method: str, rounds: int, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "method": method,
        "model": "cnn",
        "dataset": "digits",
        "partition": {"kind": "dirichlet", "alpha": 1.0},
        "clients": list("abcd"),
        "batches_per_round": 12,
        "batch": 32,
        "rounds": rounds,
        "learning_rate": 0.05,
        "momentum": 0.9,
        "seed": 7,
        "rehearse_batches": 0,
    }
    return Job(**{**values, **changes})


def run(method: str, rounds: int, **changes: Any) -> Simulated:
    return simulate(job(method, rounds, **changes), str(find("digits").folder))


def rounds_of(result: Simulated) -> list[dict[str, Any]]:
    return [event for event in result.events if event["event"] == "round"]


def budgets(**mib: float) -> dict[str, dict[str, int]]:
    return {client: {"memory_budget_bytes": int(value * MIB)} for client, value in mib.items()}


@pytest.mark.parametrize(
    ("method", "rounds", "options", "at_least"),
    [
        ("smartfreeze", 6, QUICK, 0.7),
        ("smartfreeze", 6, {"pace": "shares", "output": "fc", "selection": "random"}, 0.6),
        ("profl", 12, QUICK, 0.7),
        ("profl", 6, {**QUICK, "shrink": False, "frozen_norm": "eval", "pace": "parameters"}, 0.7),
        ("neulite", 6, {}, 0.6),
        ("fedprox", 3, {"mu": 0.1}, 0.7),
        ("exclusivefl", 3, {"selection": "oort"}, 0.7),
        ("tifl", 4, {}, 0.5),
        ("heterofl", 3, {}, 0.7),
        ("fedrolex", 3, {}, 0.7),
        ("allsmall", 3, {}, 0.7),
        ("depthfl", 3, {}, 0.7),
    ],
)
def test_every_method_learns_digits(method: str, rounds: int, options: dict[str, Any], at_least: float) -> None:
    assert rounds_of(run(method, rounds, options=options))[-1]["accuracy"] > at_least


def test_smartfreeze_freezes_front_to_back_says_why_and_leaves_frozen_blocks_alone() -> None:
    first, last = (run("smartfreeze", rounds, options={**QUICK, "most_rounds": 2}) for rounds in (6, 7))
    stages = [event["stage"] for event in rounds_of(last)]
    assert stages == sorted(stages) and set(stages) == {"block1", "block2", "block3"}
    ended = [tuple(entry) for event in rounds_of(last) for entry in event["notes"]["ended"]]
    assert [name for name, _, _ in ended] == ["block1", "block2"]
    assert all(why in ("converged", "stage maximum reached") for _, _, why in ended)
    frozen = [key for key in last.state if key.startswith(("blocks.block1.", "blocks.block2."))]
    assert frozen and all(torch.equal(first.state[key], last.state[key]) for key in frozen)


def test_the_disk_cache_changes_nothing_but_the_work(tmp_path: Any) -> None:
    changes: dict[str, Any] = {"options": {"pace": "shares", "micro_batch": None}}
    plain = run("smartfreeze", 4, **changes)
    changes["options"]["cache_folder"] = str(tmp_path)
    assert run("smartfreeze", 4, **changes).facts["parameters_sha256"] == plain.facts["parameters_sha256"]


def test_a_cached_prefix_is_not_run_again(tmp_path: Any) -> None:
    setup = job("smartfreeze", 9, options={"pace": "shares", "cache_folder": str(tmp_path)}).setup(spec())
    client = SmartFreezeClient(setup)
    part = resolve("method", {"m": "fl_core.methods.smartfreeze:METHOD"}, "m").server(setup).part(1)
    model = client.build(Stage("block2", part))
    model.set_training()
    client.begin(model, Task(Stage("block2", part)))
    batch = Batch(torch.randn(4, 1, 8, 8), torch.tensor([1, 2, 3, 4]), np.array([5, 1, 0, 9]))
    first = client.step(model, batch, None)
    model.blocks["block1"] = None  # type: ignore[assignment]  # whoever runs it now fails
    model._split_frozen = lambda: ([], [])  # type: ignore[method-assign]
    assert client.step(model, batch, None) == first


def spec(name: str = "cnn", shape: tuple[int, int, int] = (1, 8, 8)) -> Any:
    return resolve("model", MODELS, name)(shape, 10)


def test_profl_shrinks_back_to_front_maps_each_block_and_grows() -> None:
    result = run("profl", 12, options={**QUICK, "mapping_learning_rate": 1e-3})
    stages = list(dict.fromkeys(event["stage"] for event in rounds_of(result)))
    assert stages == [
        "shrink block3",
        "map block3",
        "shrink block2",
        "map block2",
        "grow block1",
        "grow block2",
        "grow block3",
    ]


def test_profls_mapping_teaches_the_surrogate_alone() -> None:
    setup = job("profl", 20, options=QUICK).setup(spec())
    method = job("profl", 20).find_method()
    part = method.server(setup).mapping(1)
    model = BlockedModel(spec(), part)
    model.set_training()
    inputs = torch.randn(16, 1, 8, 8)
    student, teacher = logits_of_both(model, inputs, model.head)
    torch.nn.functional.mse_loss(student, teacher).backward()
    assert {key for key, p in model.named_parameters() if p.grad is not None} == {"surrogates.block2.weight"}
    assert not teacher.requires_grad
    last = BlockedModel(spec(), method.server(setup).mapping(2))
    last.set_training()
    assert {key for key, p in last.named_parameters() if p.requires_grad} == {
        "surrogates.block3.weight",
        "head.2.weight",
        "head.2.bias",
    }


def test_neulites_stages_rotate_keep_their_output_modules_and_adapt_the_block_before() -> None:
    quick = {"clients": ["a"], "batches_per_round": 2}
    before, after = (run("neulite", rounds, **quick) for rounds in (4, 5))  # round 5 trains stage 2
    assert [event["stage"] for event in rounds_of(after)] == ["block1", "block2", "block3", "block1", "block2"]
    changed = {key for key in after.state if not torch.equal(before.state[key], after.state[key])}
    assert {key.rpartition(".")[0] for key in changed if not key.startswith("own.block2.")} == {
        "blocks.block1.0.0",
        "blocks.block1.0.1",
        "blocks.block2.0.0",
        "blocks.block2.0.1",
    }
    assert not any(key.startswith(("own.block1.", "own.block3.", "blocks.block3.")) for key in changed)
    assert any(key.startswith("own.block2.head.projection") for key in changed)


def test_the_last_layers_are_the_authors_for_resnets() -> None:
    resnet34 = spec("resnet34", (3, 32, 32))
    assert [last_layers(block) for block in resnet34.blocks[:3]] == [
        ("blocks.block1.3.conv2.", "blocks.block1.3.norm2."),
        ("blocks.block2.3.conv2.", "blocks.block2.3.norm2."),
        ("blocks.block3.5.conv2.", "blocks.block3.5.norm2."),
    ]
    assert last_layers(spec("vit", (3, 32, 32)).blocks[0]) == ("blocks.block1.2.perceptron.2.",)


def test_the_projection_has_the_published_size_and_the_schedules_their_ends() -> None:
    resnet = spec("resnet18", (3, 32, 32))
    projection = with_projection(resnet).head().projection
    assert sum(p.numel() for p in projection.parameters()) == 3_685_896
    assert scheduled((0.1, 0.05, 0.01, 0.0), 4) == [0.1, 0.05, 0.01, 0.0]
    assert scheduled((0.0, 0.3), 4) == pytest.approx([0.0, 0.1, 0.2, 0.3])


def test_the_curriculum_adds_nhsic_of_input_and_label_to_the_loss() -> None:
    from fl_core.losses.hsic import nhsic

    losses = {}
    for curriculum in (True, False):
        setup = job("neulite", 3, options={"curriculum": curriculum}).setup(spec())
        client, part = NeuLiteClient(setup), job("neulite", 3).find_method().server(setup).part(0)
        torch.manual_seed(4)
        model = client.build(Stage("block1", part))
        model.set_training()
        client.begin(model, Task(Stage("block1", part)))
        inputs, labels = torch.randn(16, 1, 8, 8), torch.arange(16) % 10
        losses[curriculum] = float(client.objective(model, Batch(inputs, labels, np.arange(16))).detach())
    with torch.no_grad():
        maps = inputs
        for unit in model.live_units()[:-1]:
            maps = unit(maps)
        hot = torch.nn.functional.one_hot(labels, 10).float()
        terms = 0.1 * nhsic(maps, inputs) + 0.01 * nhsic(model.head.projected(maps), hot)  # type: ignore[operator]
    assert losses[False] - losses[True] == pytest.approx(float(terms), rel=1e-4)


def needs(method: str, options: dict[str, Any] | None = None) -> Any:
    return (
        job(method, 12, options=options or {})
        .find_method()
        .server(job(method, 12, options=options or {}).setup(spec()))
    )


def test_clients_take_part_as_far_as_their_memory_holds_the_stage() -> None:
    server = needs("smartfreeze", {"pace": "shares"})
    full, stages = server.need_bytes(whole(spec())), [server.need_bytes(server.part(at)) for at in range(3)]
    assert full > stages[0] > stages[1] > stages[2]
    sizes = {"a": full, "b": stages[0], "c": stages[1], "d": stages[2]}
    facts = {client: {"memory_budget_bytes": size} for client, size in sizes.items()}
    frozen = rounds_of(run("smartfreeze", 3, client_facts=facts, options={"pace": "shares"}))
    assert [event["reported"] for event in frozen] == [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]]
    assert rounds_of(run("exclusivefl", 1, client_facts=facts))[0]["reported"] == ["a"]


def test_a_budget_that_no_stage_fits_is_refused_with_the_smallest_that_would() -> None:
    facts = budgets(a=0.11, b=0.11, c=0.11, d=0.11)
    with pytest.raises(BadJob, match=r"block1 of cnn at batch 32 needs \d\.\d MiB and the largest budget is 0\.1 MiB"):
        run("smartfreeze", 3, client_facts=facts, options={"pace": "shares"})
    with pytest.raises(BadJob, match=r"the narrowest cnn needs 0.\d MiB"):
        run("allsmall", 3, client_facts=budgets(a=0.01))
    with pytest.raises(BadJob, match=r"no client holds the narrowest cnn: it needs 0.\d MiB"):
        run("heterofl", 1, client_facts=budgets(a=0.01, b=0.01, c=0.01, d=0.01))
    with pytest.raises(BadJob, match=r"no client holds the first block of cnn"):
        run("depthfl", 1, client_facts=budgets(a=0.01, b=0.01, c=0.01, d=0.01))


def test_narrow_clients_change_their_channels_only() -> None:
    server = needs("heterofl")
    half = server._need(0.5) / MIB
    facts = budgets(a=half, b=half, c=half, d=half)
    before = BlockedModel(spec(), whole(spec()))
    torch.manual_seed(7)
    before = BlockedModel(spec(), whole(spec()))  # the server's own first model: the same seed
    for method, untouched in (("heterofl", slice(16, 32)), ("fedrolex", slice(17, 32))):
        after = run(method, 2 if method == "fedrolex" else 1, client_facts=facts).state["blocks.block1.0.0.weight"]
        first = before.tensors()["blocks.block1.0.0.weight"]
        assert torch.equal(after[untouched], first[untouched])
        trained = [index for index in range(32) if not torch.equal(after[index], first[index])]
        assert trained == list(range(untouched.start))


def test_allsmall_is_as_narrow_as_the_weakest_board_needs_and_depthfl_as_deep_as_each_holds() -> None:
    quarter = needs("heterofl")._need(0.25) / MIB
    small = run("allsmall", 1, client_facts=budgets(a=100, b=quarter))
    expected = BlockedModel(narrowed(spec(), 0.25), whole(spec())).tensors()
    assert {key: value.shape for key, value in small.state.items()} == {k: v.shape for k, v in expected.items()}
    server = needs("depthfl")
    sizes = [server._need(depth) for depth in (1, 2, 3)]
    assert [server.deepest(size) for size in (sizes[0] - 1, *sizes, None)] == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("method", ["smartfreeze", "profl", "neulite", "heterofl", "depthfl"])
def test_a_class_that_no_client_has_is_not_learnt_and_breaks_nothing(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing, few = 3, {"clients": ["a", "b"], "batches_per_round": 6}

    def deal(labels: np.ndarray, clients: int, seed: int, how: Any) -> list[np.ndarray]:
        return np.array_split(np.flatnonzero(labels != missing), clients)  # type: ignore[return-value]

    monkeypatch.setattr("fl_core.client.deal", deal)
    options = {"pace": "shares", "shrink": False} if method == "profl" else {"pace": "shares"}
    result = run(method, 3, options=options if method in ("smartfreeze", "profl") else {}, **few)
    assert 0.1 < rounds_of(result)[-1]["accuracy"] < 0.92  # a tenth of the test split cannot be right
    assert all(torch.isfinite(value).all() for value in result.state.values() if value.is_floating_point())


def test_a_threshold_that_never_fires_is_said_with_the_round() -> None:
    never = run("smartfreeze", 7, options={**QUICK, "threshold": 0.0, "most_rounds": 2}, batches_per_round=2)
    ended = [tuple(entry) for event in rounds_of(never) for entry in event["notes"]["ended"]]
    assert ended == [("block1", 2, "stage maximum reached"), ("block2", 4, "stage maximum reached")]


def test_one_client_only_and_classes_that_a_client_has_not() -> None:
    assert len(rounds_of(run("smartfreeze", 3, clients=["only"], options={"pace": "shares"}))) == 3
    masked = run("heterofl", 2, clients=["only"], partition={"kind": "iid"})
    assert rounds_of(masked)[-1]["accuracy"] > 0.3
    from fl_core.methods.narrow import Client as NarrowClient

    client = NarrowClient(job("heterofl", 1).setup(spec()))
    stage = Stage("width 1", whole(spec()), shape={"width": 1.0})
    client.begin(client.build(stage), Task(stage, {"shift": 0, "present": [0, 1]}))
    logits = torch.zeros(2, 10).requires_grad_()
    client.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert logits.grad is not None and (logits.grad[:, 2:] == 0).all() and (logits.grad[:, :2] != 0).all()


@pytest.mark.parametrize(
    ("method", "options"),
    [("smartfreeze", {"pace": "shares"}), ("profl", {"pace": "shares", "shrink": False}), ("neulite", {})],
)
def test_a_client_lost_in_the_middle_of_a_stage_costs_its_reports_only(
    method: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fl_core.client import Client

    train = Client.train

    def fail(self: Client, round_index: int, edge: Any = None) -> Any:
        if self.name == "b" and round_index == 4:
            raise RuntimeError("a board's worker dies")
        return train(self, round_index, edge)

    monkeypatch.setattr(Client, "train", fail)
    monkeypatch.setattr("threading.excepthook", lambda args: None)
    result = run(method, 6, options=options)
    assert [len(event["reported"]) for event in rounds_of(result)] == [4, 4, 4, 3, 3, 3]
    assert all(torch.isfinite(value).all() for value in result.state.values() if value.is_floating_point())


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("smartfreeze", {"output": "mlp"}, "output must be conv or fc"),
        ("smartfreeze", {"pace": "daily"}, "pace must be perturbation, shares or parameters"),
        ("smartfreeze", {}, "3 stages need 90 rounds, not 12"),
        ("smartfreeze", {"selection": "best"}, "unknown selection 'best'"),
        ("smartfreeze", {"ends": [1, 3], "fit_mib": 9, "pace": "shares"}, "give ends or fit_mib, not both"),
        ("smartfreeze", {"ends": [1, 4], "pace": "shares"}, "cnn must end at ascending units, the last at 3"),
        ("profl", {"frozen_norm": "none"}, "frozen_norm must be moving or eval"),
    ],
)
def test_bad_options_are_refused_before_any_board_is_touched(method: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(BadJob, match=words):
        needs(method, options)


def test_recomputation_and_release_change_no_bit_of_smartfreeze() -> None:
    quick = {"clients": ["a"], "batches_per_round": 3}
    plain, lean = (
        run("smartfreeze", 3, options={"pace": "shares", "recompute": asked, "release": asked}, **quick)
        for asked in (False, True)
    )
    assert lean.facts["parameters_sha256"] == plain.facts["parameters_sha256"]


@pytest.mark.parametrize("drawn", [{"fit_mib": 2}, {"ends": [2, 3]}], ids=["for a budget", "by hand"])
def test_bf16_learns_in_blocks_of_our_own(drawn: dict[str, Any]) -> None:
    options = {"pace": "shares", **drawn, "recompute": True, "release": True, "bf16": True}
    lean = run("smartfreeze", 2, options=options, clients=["a"], batches_per_round=40)
    assert rounds_of(lean)[-1]["accuracy"] > 0.7
