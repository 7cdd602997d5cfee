"""The methods of a budget, in whole jobs on real data: what they learn."""

from __future__ import annotations

from typing import Any

import pytest

from fl_core.job import Job
from fl_core.simulate import Simulated, simulate
from harness.datasets import find


def run(method: str, **options: Any) -> Simulated:
    job = Job(method, "cnn", "digits", {"kind": "iid"}, ["a"], 64, 2, 0.05, 7, options=options, momentum=0.9)
    return simulate(job, str(find("digits").folder))


def accuracy(result: Simulated) -> float:
    return float([event["accuracy"] for event in result.events if event["event"] == "round"][-1])


@pytest.mark.parametrize(
    "options", [{"share": 1.0}, {"budget_mb": [64, 32, 16]}, {"release": False}, {"budget_mb": "available"}]
)
def test_recompute_learns_what_fedavg_learns_at_any_budget(options: dict[str, Any]) -> None:
    assert run("recompute", **options).facts["parameters_sha256"] == run("fedavg").facts["parameters_sha256"]


def test_fedhybrid_learns_from_compressed_activations() -> None:
    """Compression alone, so that it cannot be avoided: near fedavg, and not the same."""
    hybrid, plain = run("fedhybrid", ways=["compress"], rule="greedy"), run("fedavg")
    assert hybrid.facts["parameters_sha256"] != plain.facts["parameters_sha256"]
    assert accuracy(hybrid) > accuracy(plain) - 0.05
