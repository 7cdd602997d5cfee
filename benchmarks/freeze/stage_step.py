"""Steps of one stage of SmartFreeze, or of the full model, in a fresh process: the worker's own client half does them.

`stage_step MODEL BATCH STAGE METER`: STAGE counts from 0, -1 is full training; METER is tensor (live bytes of a second
step, weights, momentum and batch included) or process (VmHWM above the floor after imports). `--options` are the
method's and `--ends` block boundaries of our own, as JSON. Prints one JSON object: peak_bytes and step_s.
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
from fl_core.models.blocks import ModelSpec, Part, whole
from fl_core.models.repartition import repartitioned, stand_ins
from fl_core.rounds import Stage, Task


def stage_of(spec: ModelSpec, at: int, ends: list[int]) -> Stage:
    """Of blocks that end after these units, or of the architecture's own where there are none."""
    drawn = repartitioned(spec, ends) if ends else spec
    names = drawn.block_names
    part = Part(names[at : at + 1], names[:at], stand_ins(drawn, at, thin=bool(ends)), head=True)
    return Stage(names[at], part, shape={"ends": ends} if ends else {})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("batch", type=int)
    parser.add_argument("stage", type=int)
    parser.add_argument("meter", choices=("tensor", "process"))
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--ends", type=json.loads, default=[])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    full = arguments.stage < 0
    spec = resolve("model", MODELS, arguments.model)((3, 32, 32), 10)
    method = resolve("method", METHODS, "fedavg" if full else "smartfreeze")
    setup = Setup(spec, method.checked(arguments.options), 1000, 0, learning_rate=0.05, momentum=0.9)
    stage = Stage("all", whole(spec)) if full else stage_of(spec, arguments.stage, arguments.ends)
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
    print(json.dumps({"peak_bytes": peak_bytes, "step_s": step_s}))


if __name__ == "__main__":
    main()
