"""A round's seconds and bytes by phase and kind: nothing lost, nothing counted twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fl_core.accounts import PHASES, Account
from fl_core.job import Job
from fl_core.simulate import simulate


def test_the_phases_of_a_client_fill_its_round() -> None:
    account = Account(asked_s=0.1, down_bytes=5)
    account.worker_s = {"download": 1.0, "compute": 2.0, "exchange": 0.5, "wait": 99.0}  # it waited before the round
    account.announced_s, account.granted_s, account.arrived_s, account.folded_s = 3.7, 4.0, 5.0, 5.2
    seconds = account.to_json(summed_s=8.0, end_s=8.4)["seconds"]
    assert seconds == pytest.approx(
        {"download": 1, "compute": 2, "exchange": 0.5, "unexplained": 0.1, "upload": 1, "wait": 3.2, "aggregate": 0.6}
    )
    assert sum(seconds.values()) == pytest.approx(8.4)
    assert Account(0.0, 7).to_json(1.0, 2.0) == {"bytes": {"model": 7}}


@pytest.mark.parametrize(("wire", "width"), [("float32", 4), ("int8", 1)])
def test_bytes_are_exact_by_kind(wire: str, width: int, make_job: Callable[..., Job], digits_folder: str) -> None:
    job = make_job("split", clients=["a"], rounds=1, batches_per_round=3, wire_model=wire, wire_smashed=wire)
    result = simulate(job, digits_folder)
    [event] = [event for event in result.events if event["event"] == "round"]
    part = {key: value for key, value in result.state.items() if key.startswith("blocks.block1")}
    model = sum(value.numel() * (width if value.is_floating_point() else 8) for value in part.values())
    smashed = 3 * 32 * 32 * 8 * 8 * width  # batches of 32, 32 channels of 8x8
    assert event["clients"]["a"]["bytes"] == {
        "model": model,
        "update": model,
        "smashed": smashed,
        "labels": 3 * 32 * 8,
        "gradient": smashed,
    }
    seconds = event["clients"]["a"]["seconds"]
    assert set(seconds) == {*PHASES, "unexplained"} and sum(seconds.values()) == pytest.approx(event["round_s"])
