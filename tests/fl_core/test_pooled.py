"""Many clients on few trainers: the same bits as on boards, and virtual time that decides who is in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.pooled import HerePool, PooledServer, opened_pool
from fl_core.process_pool import ProcessPool, TrainerLost
from fl_core.simulate import simulate
from fl_core.virtual_time import BoardSpeed

MakeJob = Callable[..., Job]


def run(job: Job, folder: str, **more: Any) -> tuple[str, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    done = PooledServer(job, folder, HerePool(job, folder), events.append, **more).run_rounds()
    return done["parameters_sha256"], [event for event in events if event["event"] == "round"]


@pytest.mark.parametrize("method", ["fedavg", "freeze", "recompute", "split"])
def test_a_pool_gives_the_bits_of_boards(method: str, make_job: MakeJob, digits_folder: str) -> None:
    job = make_job(method, cohort=2, partition={"kind": "dirichlet", "alpha": 0.5})
    pooled, events = run(job, digits_folder)
    boards = simulate(job, digits_folder)
    assert pooled == boards.facts["parameters_sha256"]
    assert [event["reported"] for event in events] == [
        event["reported"] for event in boards.events if event["event"] == "round"
    ]


@pytest.mark.parametrize("trainers", [{"processes": 2}, {"actors": 2}], ids=["processes", "ray"])
def test_several_processes_give_the_bits_of_one(
    trainers: dict[str, int], make_job: MakeJob, digits_folder: str
) -> None:
    if "actors" in trainers:
        pytest.importorskip("ray", reason="pip install 'fedrack[ray]'")
    job = make_job("split", rounds=2)
    with opened_pool(job, digits_folder, **trainers) as pool:
        done = PooledServer(job, digits_folder, pool, lambda event: None).run_rounds()
    assert done["parameters_sha256"] == run(job, digits_folder)[0]


def test_a_rehearsal_counts_no_tensors_of_others(make_job: MakeJob, digits_folder: str) -> None:
    """In a simulation the server's state and the data lie in the same process; on a board they do not."""
    job = make_job("fedavg", rounds=1)

    def peak_bytes() -> int:
        events: list[dict[str, Any]] = []
        PooledServer(job, digits_folder, HerePool(job, digits_folder), events.append).run_rounds()
        return next(event["peak_tensor_bytes"] for event in events if event["event"] == "rehearsal")

    alone = peak_bytes()
    others = torch.ones(50_000_000)
    assert peak_bytes() == alone < others.nbytes


def test_a_trainer_that_dies_is_named(make_job: MakeJob, digits_folder: str) -> None:
    job = make_job("fedavg", rounds=500)
    with opened_pool(job, digits_folder, processes=2) as pool:
        assert isinstance(pool, ProcessPool)
        server = PooledServer(job, digits_folder, pool, lambda event: pool._children[0].kill())
        with pytest.raises(TrainerLost, match="a process that trains has ended"):
            server.run_rounds()


def classes(**speeds: float) -> dict[str, BoardSpeed]:
    return {name: BoardSpeed(sample_s, 1e6, 1e6, latency_s=0.5) for name, sample_s in speeds.items()}


def test_virtual_time_orders_reports_and_drops_who_is_late(make_job: MakeJob, digits_folder: str) -> None:
    names = [f"c{i}" for i in range(6)]
    facts = {name: {"board_class": "slow" if name in ("c1", "c4") else "fast"} for name in names}
    job = make_job("fedavg", clients=names, client_facts=facts, rounds=1, batches_per_round=2, round_timeout_s=3.0)
    speeds = classes(fast=0.001, slow=0.1)
    _, [event] = run(job, digits_folder, speeds=speeds)
    assert event["reported"] == ["c0", "c2", "c3", "c5"] and set(event["lost"]) == {"c1", "c4"}
    assert event["virtual_s"] == 3.0  # the server waited for the slow ones until their deadline
    spare = job._replace(cohort=4, spare=2, round_timeout_s=60.0)
    _, [event] = run(spare, digits_folder, speeds=speeds)
    assert event["reported"] == ["c0", "c2", "c3", "c5"]
    model_bytes = 4 * 56_554 + 0  # parameters and statistics of the cnn on 1x8x8, less its counters
    assert 0.5 + 64 * 0.001 + 2 * model_bytes / 1e6 == pytest.approx(event["virtual_s"], rel=0.01)


def test_a_frozen_stage_takes_its_own_work_and_its_prefix_travels_once(make_job: MakeJob, digits_folder: str) -> None:
    """Stages of the cnn on 1x8x8: multiply-adds by hand, forward and backward, over those of full training."""
    facts = {"a": {"board_class": "board"}}
    job = make_job("freeze", clients=["a"], client_facts=facts, rounds=6, batches_per_round=2)
    _, events = run(job, digits_folder, speeds={"board": BoardSpeed(1.0, 1e6, 1e6)})
    forward = [288 * 64, 18432 * 16, 36864 * 4, 640]
    full = 3 * sum(forward) - forward[0]
    frozen = [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]  # whether a layer's input needs a gradient
    live = [[1, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]]
    for event, stage in zip(events, (0, 0, 1, 1, 2, 2), strict=True):
        [told] = event["clients"].values()
        backward = sum(m * (a + b) for m, a, b in zip(forward, frozen[stage], live[stage], strict=True))
        samples = 2 * job.batch
        assert told["seconds"]["compute"] == pytest.approx(samples * (sum(forward) + backward) / full)
    down = [event["clients"]["a"]["bytes"]["download"] - event["clients"]["a"]["bytes"]["upload"] for event in events]
    prefix = [288 * 4 + 4 * 32 * 4 + 8, (288 + 18432) * 4 + 4 * (32 + 64) * 4 + 16]
    assert down == [0, 0, prefix[0], 0, prefix[1], 0]


def test_a_rejected_report_has_been_waited_for_no_longer_than_it_took(make_job: MakeJob, digits_folder: str) -> None:
    facts = {"a": {"board_class": "board"}}
    diverging = make_job("fedavg", clients=["a"], client_facts=facts, rounds=1, learning_rate=1e30)
    _, [event] = run(diverging, digits_folder, speeds={"board": BoardSpeed(0.001, 1e6, 1e6)})
    assert event["reported"] == [] and event["lost"]["a"].startswith("rejected") and 0 < event["virtual_s"] < 60


def test_what_needs_a_link_is_refused(make_job: MakeJob, digits_folder: str) -> None:
    with pytest.raises(BadJob, match="shares one model on an edge server"):
        run(make_job("splitfed-v2"), digits_folder)
    with pytest.raises(BadJob, match="no wire"):
        run(make_job("fedavg", wire_model="int8"), digits_folder)
    with pytest.raises(BadJob, match="a: no speed for board class None"):
        run(make_job("fedavg"), digits_folder, speeds=classes(fast=1.0))
