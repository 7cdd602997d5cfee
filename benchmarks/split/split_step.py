"""`split_step MODEL BATCH PIECES ROUNDS`: a full training step beside both halves of one cut after the first unit.

The three take turns. Prints one JSON object: CPU seconds of each, a list with one for every round.
"""

from __future__ import annotations

import json
import sys

import torch
import torch.nn.functional as functional

from benchmarks.split.against_plain import seconds
from benchmarks.split.device_memory import CUT, answer_zeros, trained
from fl_core.catalogue import MODELS, resolve
from fl_core.managers.on_device import OnDevice
from fl_core.memory import budget
from fl_core.methods.base import plain_step
from fl_core.models.blocks import Part, whole
from fl_core.models.repartition import regrained


def main() -> None:
    name, batch, pieces, rounds = sys.argv[1], *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    spec = regrained(resolve("model", MODELS, name)((3, 32, 32), 10), {"grain": "unit"})
    inputs = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, (batch,))
    full, full_optimiser = trained(spec, whole(spec))
    device, device_optimiser = trained(spec, Part(live=(CUT,)))
    edge, edge_optimiser = trained(spec, Part(live=spec.block_names[1:], head=True))
    manager = OnDevice(device.live_units(), budget.smallest(), pieces)
    with torch.no_grad():
        smashed = device(inputs)

    def on_board() -> None:
        plain_step(full, inputs, labels)
        full_optimiser.step()

    def on_device() -> None:
        manager.step(inputs, labels, answer_zeros, device_optimiser)
        device_optimiser.step()

    def on_edge() -> None:
        for some, theirs in zip(smashed.chunk(pieces), labels.chunk(pieces), strict=True):
            loss = functional.cross_entropy(edge(some.requires_grad_()), theirs) * (len(some) / batch)
            loss.backward()  # type: ignore[no-untyped-call]
        edge_optimiser.step()

    steps = {"board": on_board, "device": on_device, "edge": on_edge}
    for step in steps.values():
        step()
    taken = [{name: seconds(step) for name, step in steps.items()} for _ in range(rounds)]
    print(json.dumps({name: [turn[name] for turn in taken] for name in steps}))


if __name__ == "__main__":
    main()
