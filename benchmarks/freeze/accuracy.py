"""The small accuracy study: `python -m benchmarks.freeze.accuracy [--model M] [--rounds N] [--seeds N] [METHOD ...]`.

Fashion-MNIST, 20 clients with 500 images each, 5 a round. Memory classes are ProFL's, uniform 100 to 900 where training
the full model takes 840 (its published accounting), scaled to what the model takes by our ledger. IID, Dirichlet 0.5.
Where no client holds what a method trains, its accuracy is chance. Prints mean final accuracy, its 95 % interval over
the seeds, and what took part. The small CNN ends in minutes, but its first block needs nearly all that the whole CNN
does, so that freezing lets nobody in; ResNet18 is the model of the claim, and takes hours on a CPU.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.freeze.subset import write_subset
from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob
from fl_core.job import Job
from fl_core.ledger.stage import stage_cost
from fl_core.models.blocks import whole
from fl_core.simulate import simulate
from harness.datasets import find

CLIENTS, COHORT, SAMPLES, TEST, BATCH = 20, 5, 500, 2000, 32
FULL_MB, LEAST_MB, MOST_MB = 840, 100, 900
PACED = {"least_rounds": 2, "window": 4, "fit_points": 4, "evaluations": 2}
METHODS: dict[str, dict[str, Any]] = {
    "fedavg": {},  # without any memory limit: the upper reference
    "exclusivefl": {},
    "allsmall": {},
    "heterofl": {},
    "fedrolex": {},
    "depthfl": {},
    "smartfreeze": PACED,
    "profl": {**PACED, "mapping_learning_rate": 1e-3},
    "neulite": {},
}
T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}  # Student's t by number of seeds


def budgets(seed: int, full_bytes: int) -> dict[str, dict[str, int]]:
    """Client facts: each client's memory class of ProFL's set-up, in bytes of our accounting."""
    dealt = np.random.RandomState(seed).randint(LEAST_MB, MOST_MB + 1, CLIENTS)
    return {f"c{i}": {"memory_budget_bytes": int(mb * full_bytes / FULL_MB)} for i, mb in enumerate(dealt)}


def final(
    model: str, method: str, partition: dict[str, Any], seed: int, rounds: int, folder: str
) -> tuple[float, float]:
    """Accuracy after the last round, and the share of the clients that ever took part."""
    spec = resolve("model", MODELS, model)((1, 28, 28), 10)
    full_bytes = stage_cost(spec, whole(spec), BATCH).peak_bytes
    job = Job(
        method=method,
        model=model,
        dataset="fashion-mnist",
        partition=partition,
        clients=[f"c{i}" for i in range(CLIENTS)],
        batch=BATCH,
        rounds=rounds,
        learning_rate=0.05,
        momentum=0.9,
        seed=seed,
        options=METHODS[method],
        cohort=COHORT,
        client_facts={} if method == "fedavg" else budgets(seed, full_bytes),
        rehearse_batches=0,
    )
    try:
        events = [event for event in simulate(job, folder).events if event["event"] == "round"]
    except BadJob:  # nobody holds what the method trains: the model stays as it was
        return 1 / spec.classes, 0.0
    took_part = {client for event in events for client in event["reported"]}
    return events[-1]["accuracy"], len(took_part) / CLIENTS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("methods", nargs="*", default=list(METHODS))
    parser.add_argument("--model", default="resnet18")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seeds", type=int, default=3, choices=sorted(T_95))
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        write_subset(find("fashion-mnist").folder, Path(folder), CLIENTS * SAMPLES, TEST)
        for partition in ({"kind": "iid"}, {"kind": "dirichlet", "alpha": 0.5}):
            for method in options.methods:
                found = [
                    final(options.model, method, partition, seed, options.rounds, folder)
                    for seed in range(options.seeds)
                ]
                accuracies = [100 * accuracy for accuracy, _ in found]
                interval = T_95[options.seeds] * statistics.stdev(accuracies) / options.seeds**0.5
                shares = [100 * share for _, share in found]
                mean, took_part = statistics.mean(accuracies), statistics.mean(shares)
                case = f"{partition['kind']:9} {method:12} {mean:5.1f} ± {interval:4.1f} % accuracy"
                print(f"{case}, {took_part:3.0f} % of the clients ever took part", flush=True)


if __name__ == "__main__":
    main()
