"""A steady training load: the same step again and again, each one timed. For measuring what disturbs training.

Run as `python3 -m fl_core.steady --model cnn --batch 32 --seconds 60 --out FILE`; FILE gets one JSON object at the end:
`steps` = [start, duration] in seconds on the monotonic clock, the warm-up left out.
"""

import argparse
import json
import time
from typing import List, Optional

import torch

from fl_core import lifeline
from fl_core.catalogue import MODELS, resolve
from fl_core.data.dataset import batches
from fl_core.data.synthetic import synthetic_cifar
from fl_core.memory.optimiser import SGD
from fl_core.methods.base import plain_step
from fl_core.models.blocks import BlockedModel, whole
from fl_core.tensors import own_tensor

WARM_UP_STEPS = 5


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="fl_core.steady")
    parser.add_argument("--model", default="cnn")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    data = synthetic_cifar("", seed=1)
    spec = resolve("model", MODELS, options.model)(data.shape, data.classes)
    model = BlockedModel(spec, whole(spec))
    model.set_training()
    optimiser = SGD(model.trained_parameters(), lr=0.01, momentum=0.9)
    images, labels, _ = next(batches(data, options.batch, epochs=1, limit=1, seed=1))
    inputs, targets = own_tensor(images, channels_last=True), own_tensor(labels)
    steps = []
    ends_s = time.monotonic() + options.seconds
    while time.monotonic() < ends_s:
        started_s = time.monotonic()
        plain_step(model, inputs, targets)
        optimiser.step()
        steps.append([started_s, time.monotonic() - started_s])
    with open(options.out, "w") as file:
        json.dump({"steps": steps[WARM_UP_STEPS:]}, file)
    return 0


if __name__ == "__main__":
    lifeline.leave(main())
