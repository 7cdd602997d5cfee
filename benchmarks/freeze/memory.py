"""Memory of SmartFreeze's stages against full training on the device: tensor peak, with the process figure beside it.

Faithful: fp32, momentum SGD, blocks along the architecture, plain PyTorch steps. Composed: boundaries of our own,
recomputation, gradient release, bf16. Every figure is a second step in a fresh process of its own; averages
are over stages, unweighted. ProFL's growing stages have the parts of the faithful ones, so they are its figures too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.table import Row
from fl_core.catalogue import MODELS, resolve
from fl_core.ledger.boundaries import fitting_ends
from fl_core.models.blocks import ModelSpec

MIB = 2**20
COMPOSED = {"recompute": True, "release": True, "bf16": True}
FIT_MIB = {("resnet18", 128): 300, ("mobilenetv2", 32): 200, ("mobilenetv2", 128): 700}
ENDS = {("resnet18", 32): [3, 5, 6, 7, 8, 9]}  # blocks 3 and 4, which hold nearly all weights, unit by unit
CASES = (*ENDS, *FIT_MIB)
PROCESS_BATCH = 32
AVERAGE, PROFL_PEAK, NEULITE_PEAK = 82.0, 57.4, 50.4  # per cent saved, the papers' best
FIXED_MMAP = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}  # as workers run (measuring.md)


@dataclass(frozen=True)
class Saving:
    """Per cent saved against full training, over the stages."""

    stages_mib: tuple[float, ...]
    full_mib: float

    @property
    def average(self) -> float:
        return 100 * (1 - sum(self.stages_mib) / len(self.stages_mib) / self.full_mib)

    @property
    def peak(self) -> float:
        return 100 * (1 - max(self.stages_mib) / self.full_mib)

    def __str__(self) -> str:
        stages = " ".join(f"{size:.0f}" for size in self.stages_mib)
        return f"average -{self.average:.1f} %, peak -{self.peak:.1f} % (full {self.full_mib:.0f}, stages {stages} MiB)"


def saving(model: str, batch: int, meter: str, ends: list[int], options: dict[str, Any]) -> Saving:
    full = _measured(model, batch, -1, meter, [], {})
    stages = len(ends) or len(_spec(model).blocks)
    return Saving(tuple(_measured(model, batch, at, meter, ends, options) for at in range(stages)), full)


def memory_rows() -> list[Row]:
    rows: list[Row] = []
    for model, batch in CASES:
        drawn = ENDS.get((model, batch)) or fitting_ends(_spec(model), batch, FIT_MIB[model, batch] * MIB)
        for name, ends, options in (("faithful", [], {}), (f"composed, blocks end at {drawn}", drawn, COMPOSED)):
            tensors = saving(model, batch, "tensor", ends, options)
            process = saving(model, batch, "process", ends, options) if batch == PROCESS_BATCH else None
            rows.extend(_rows(f"{model}, batch {batch}, {name}", tensors, process))
    return rows


def _spec(model: str) -> ModelSpec:
    spec: ModelSpec = resolve("model", MODELS, model)((3, 32, 32), 10)
    return spec


def _rows(case: str, tensors: Saving, process: Saving | None) -> list[Row]:
    faithful = case.endswith("faithful")
    beside = f"process above imports: {process}" if process else f"process figure: batch {PROCESS_BATCH} alone"
    targets = (
        ("SmartFreeze average", AVERAGE, tensors.average, None if faithful else 0.0),
        ("ProFL peak", PROFL_PEAK, tensors.peak, 3.0 if faithful else 0.0),
        ("NeuLite peak (stages without its projection)", NEULITE_PEAK, tensors.peak, 0.0),
    )
    return [
        Row(
            quantity=f"{quantity}: {case}",
            target=f"-{target} %" + {None: ", or explained", 0.0: "", 3.0: " within 3 points"}[allowed],
            measured=str(tensors),
            spread="exact",
            holds=None if allowed is None else saved >= target - allowed,
            remark=f"tensor peak; {beside}",
        )
        for quantity, target, saved, allowed in targets
    ]


def _measured(model: str, batch: int, stage: int, meter: str, ends: list[int], options: dict[str, Any]) -> float:
    """Peak of one stage, -1 for full training, in MiB."""
    command = [sys.executable, "-m", "benchmarks.freeze.stage_step", model, str(batch), str(stage), meter]
    command += ["--options", json.dumps(options), "--ends", json.dumps(ends)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **FIXED_MMAP})
    return float(json.loads(done.stdout)["peak_bytes"]) / MIB
