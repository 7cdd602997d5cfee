"""Steps of one stage of SmartFreeze, or of the full model, in a fresh process: the worker's own client half does them.

`stage_step MODEL BATCH STAGE METER`: STAGE counts from 0, -1 is full training; METER is tensor (live bytes of a second
step, weights, momentum and batch included) or process (VmHWM above the floor after imports). `--options` are the
method's, as JSON. Prints one JSON object: peak_bytes, step_s and the number of stages.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import torch

from fl_core.catalogue import METHODS, MODELS, resolve
from fl_core.memory.process import high_water_bytes, reset_high_water, resident_bytes
from fl_core.memory.tensors import TensorPeak
from fl_core.methods.base import Batch, Setup
from fl_core.models.blocks import whole
from fl_core.rounds import Stage, Task


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("batch", type=int)
    parser.add_argument("stage", type=int)
    parser.add_argument("meter", choices=("tensor", "process"))
    parser.add_argument("--options", type=json.loads, default={})
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec = resolve("model", MODELS, arguments.model)((3, 32, 32), 10)
    method = resolve("method", METHODS, "smartfreeze" if arguments.stage >= 0 else "fedavg")
    options = {"pace": "shares", "selection": "random", **arguments.options} if arguments.stage >= 0 else {}
    setup = Setup(spec, method.checked(options), 1000, 0, learning_rate=0.05, momentum=0.9, batch=arguments.batch)
    stages = (
        [step.stage for step in method.server(setup).steps] if arguments.stage >= 0 else [Stage("all", whole(spec))]
    )
    stage = stages[max(0, arguments.stage)]
    client = method.client(setup)
    floor_bytes = resident_bytes() or 0
    meter = TensorPeak(new_only=True)
    if arguments.meter == "tensor":
        meter.__enter__()
    model = client.build(stage)
    model.set_training()
    client.begin(model, Task(stage))
    inputs = torch.randn(arguments.batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    batch = Batch(inputs, torch.randint(0, 10, (arguments.batch,)), np.arange(arguments.batch))
    optimiser = client.optimiser(model)

    def step() -> None:
        client.step(model, batch, None)
        optimiser.step()

    step()  # allocates momentum, and plans
    meter.peak_bytes = meter.live_bytes
    reset_high_water()
    started_s = time.monotonic()
    step()
    step_s = time.monotonic() - started_s
    peak_bytes = meter.peak_bytes if arguments.meter == "tensor" else (high_water_bytes() or 0) - floor_bytes
    print(json.dumps({"peak_bytes": peak_bytes, "step_s": step_s, "stages": len(stages)}))


if __name__ == "__main__":
    main()
