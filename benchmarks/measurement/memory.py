"""How much of a tensor saving shows in the process peak, and what the rest of the process peak is made of."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.table import Row
from harness.board.board import ALLOCATORS
from harness.units import mib

REPEATS = 3
TARGET_SHARE = 0.8


class Setting(NamedTuple):
    """One way to run the worker."""

    layout: str
    environment: Mapping[str, str]
    switches: Sequence[str] = ()


OURS = Setting("channels_last", ALLOCATORS["fixed"])
FIXED_ONLY = Setting("contiguous", ALLOCATORS["fixed"])
PLAIN_PYTORCH = Setting("contiguous", {})
TWO_THREADS = OURS._replace(switches=("--threads", "2"))
WITHOUT_ONEDNN = OURS._replace(switches=("--onednn", "off"))


def measure(model: str, batch: int, how: str, meter: str, setting: Setting) -> dict[str, float]:
    """One fresh process."""
    command = [sys.executable, "-m", "benchmarks.measurement.training_step", model, str(batch), how, meter]
    done = subprocess.run(
        [*command, "--layout", setting.layout, *setting.switches],
        env={**os.environ, **setting.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def shares(model: str, batch: int, setting: Setting) -> list[float]:
    """Share of recomputation's tensor saving that shows in the process peak, once per repeat."""
    tensor = [measure(model, batch, how, "tensor", setting)["peak_bytes"] for how in ("plain", "recompute")]
    found = []
    for _ in range(REPEATS):
        process = [measure(model, batch, how, "process", setting)["peak_bytes"] for how in ("plain", "recompute")]
        found.append((process[0] - process[1]) / (tensor[0] - tensor[1]))
    return found


def share_rows() -> list[Row]:
    rows = []
    for model in ("resnet18", "mobilenetv2"):
        ours, fixed, plain = (shares(model, 128, setting) for setting in (OURS, FIXED_ONLY, PLAIN_PYTORCH))
        share = statistics.median(ours)
        rows.append(
            Row(
                quantity=f"share of recompute's tensor saving that shows in the process peak, {model}, batch 128",
                target=">= 80 %",
                measured=f"{share * 100:.0f} %",
                spread=f"{min(ours) * 100:.0f}..{max(ours) * 100:.0f} % over {REPEATS} pairs of fresh processes",
                holds=share >= TARGET_SHARE,
                remark=f"fixed allocator alone {statistics.median(fixed) * 100:.0f} %,"
                f" PyTorch as it comes {statistics.median(plain) * 100:.0f} %",
            )
        )
    return rows


def gap_rows() -> list[Row]:
    """Process peak of a plain step, taken apart by experiment.

    What exceeds floor and tensors at batch 1 does not depend on the batch: code that was paged in, compiled primitives,
    reordered weights. What the excess grows by from there is the library's workspace. Each switch is a process of its
    own.
    """
    rows = []
    for model, batch in (("resnet18", 32), ("resnet18", 128), ("mobilenetv2", 128)):
        tensor_bytes = measure(model, batch, "plain", "tensor", OURS)["peak_bytes"]
        ours = measure(model, batch, "plain", "process", OURS)
        floor_bytes = ours["floor_bytes"]
        fixed_bytes = _excess(model, 1)
        parts = {
            "floor": floor_bytes,
            "tensors": tensor_bytes,
            "code and weights of the library": fixed_bytes,
            "workspace that grows with the batch": ours["peak_bytes"] - floor_bytes - tensor_bytes - fixed_bytes,
        }
        switched = {
            "the allocator as it comes": FIXED_ONLY._replace(environment={}, layout="channels_last"),
            "contiguous layout": FIXED_ONLY,
            "both, as PyTorch comes": PLAIN_PYTORCH,
            "two threads": TWO_THREADS,
            "no oneDNN": WITHOUT_ONEDNN,
        }
        apart = {
            name: measure(model, batch, "plain", "process", setting)["peak_bytes"] - ours["peak_bytes"]
            for name, setting in switched.items()
        }
        rows.append(
            Row(
                quantity=f"process peak of a plain step taken apart, {model}, batch {batch}",
                target="none: a result of its own",
                measured=f"{mib(ours['peak_bytes']):.0f} MiB = "
                + " + ".join(f"{name} {mib(size):.0f}" for name, size in parts.items()),
                spread="one fresh process per setting",
                holds=None,
                remark=", ".join(f"{name} {mib(size):+.0f} MiB" for name, size in apart.items()),
            )
        )
    return rows


def _excess(model: str, batch: int) -> float:
    """Of the process peak over floor and tensors, bytes."""
    process = measure(model, batch, "plain", "process", OURS)
    return process["peak_bytes"] - process["floor_bytes"] - measure(model, batch, "plain", "tensor", OURS)["peak_bytes"]
