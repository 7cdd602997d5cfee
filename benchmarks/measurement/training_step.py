"""One measured training step in a fresh process: `training_step MODEL BATCH HOW METER`.

HOW is plain or recompute; METER is tensor (dispatch counter) or process (VmHWM after a warm-up step). `--layout
contiguous` trains as plain PyTorch does, `--onednn off` without its library of convolutions. Prints one JSON object;
sizes in bytes, times in seconds.
"""

from __future__ import annotations

import argparse
import json
import time

import torch

from fl_core.catalogue import MODELS, resolve
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.optimiser import SGD
from fl_core.memory.planned import PlannedSteps
from fl_core.memory.process import high_water_bytes, reset_high_water, resident_bytes
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.base import plain_step
from fl_core.models.blocks import BlockedModel, whole


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("batch", type=int)
    parser.add_argument("how", choices=("plain", "recompute"))
    parser.add_argument("meter", choices=("tensor", "process"))
    parser.add_argument("--layout", choices=("channels_last", "contiguous"), default="channels_last")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--onednn", choices=("on", "off"), default="on")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.backends.mkldnn.enabled = options.onednn == "on"  # type: ignore[assignment]
    torch.manual_seed(0)
    found: dict[str, float | None] = {"floor_bytes": resident_bytes()}
    spec = resolve("model", MODELS, options.model)((3, 32, 32), 10)
    model = BlockedModel(spec, whole(spec))
    model.set_training()
    layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    model.to(memory_format=layout)  # type: ignore[call-overload]
    inputs = torch.randn(options.batch, 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.randint(0, 10, (options.batch,))
    planned = PlannedSteps(model.live_units(), EXACT, budget.smallest()) if options.how == "recompute" else None
    optimiser = SGD(model.trained_parameters(), lr=0.05, momentum=0.9)

    def step() -> None:
        if planned is None:
            plain_step(model, inputs, labels)
        else:
            planned.step(inputs, labels)
        optimiser.step()

    if options.meter == "tensor":
        with TensorPeak() as peak:
            step()
            step()
        found["peak_bytes"] = peak.peak_bytes
    else:
        step()
        reset_high_water()
        started_s = time.monotonic()
        step()
        step()
        found.update(peak_bytes=high_water_bytes(), step_s=(time.monotonic() - started_s) / 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
