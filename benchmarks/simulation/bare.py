"""`python -m benchmarks.simulation.bare SETTING PROCESSES`: the same rounds as a plain PyTorch loop, nothing else.

With more than one process each plays its share of the clients on one thread; with one, all cores are its threads.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from multiprocessing.connection import Connection

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.simulation.setting import LEARNING_RATE, SETTINGS, Setting, images, layers

State = dict[str, Tensor]


def model_of(setting: Setting) -> nn.Module:
    blocks, head = layers(setting.model)
    return nn.Sequential(*blocks, head)


def train(setting: Setting, model: nn.Module, data: list[tuple[Tensor, Tensor]], state: State) -> State:
    """The sum over these clients of their parameters after one epoch from `state`."""
    total: State = {}
    for inputs, labels in data:
        model.load_state_dict(state)
        optimiser = torch.optim.SGD(model.parameters(), LEARNING_RATE)
        for index in torch.randperm(len(labels)).split(setting.batch):
            if len(index) == setting.batch:
                optimiser.zero_grad()
                cross_entropy(model(inputs[index]), labels[index]).backward()
                optimiser.step()
        for key, value in model.state_dict().items():
            total[key] = total[key] + value if key in total else value.clone()
    return total


def data_of(setting: Setting, clients: range) -> list[tuple[Tensor, Tensor]]:
    return [tuple(map(torch.from_numpy, images(setting.samples, client))) for client in clients]


def child(setting: Setting, clients: range, line: Connection) -> None:
    torch.set_num_threads(1)
    model, data = model_of(setting), data_of(setting, clients)
    while True:
        line.send(train(setting, model, data, line.recv()))


def main(name: str, processes: str) -> None:
    setting, count = SETTINGS[name], int(processes)
    torch.manual_seed(1)
    model = model_of(setting)
    state: State = {key: value.clone() for key, value in model.state_dict().items()}
    everyone = range(setting.clients)
    lines = []
    if count == 1:
        torch.set_num_threads(os.cpu_count() or 1)
        data = data_of(setting, everyone)
    else:
        multiprocessing.set_start_method("fork")
        torch.multiprocessing.set_sharing_strategy("file_system")
        for first in range(count):
            ours, theirs = multiprocessing.Pipe()
            share = everyone[first::count]
            multiprocessing.Process(target=child, args=(setting, share, theirs), daemon=True).start()
            lines.append(ours)
    for number in range(1, setting.rounds + 2):
        for line in lines:
            line.send(state)
        sums = [line.recv() for line in lines] or [train(setting, model, data, state)]
        state = {key: sum(each[key] for each in sums) / setting.clients for key in state}
        print(json.dumps({"round": number, "samples": setting.clients * setting.trained}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
