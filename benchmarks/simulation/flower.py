"""`flower.py SETTING`: the same rounds in Flower's simulation on two Ray actors. Runs in an environment of its own."""

import json
import os
import sys
import time

import torch
from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.simulation import run_simulation
from torch.nn.functional import cross_entropy

from benchmarks.simulation.bare import data_of, model_of
from benchmarks.simulation.setting import LEARNING_RATE, SETTINGS

SETTING = SETTINGS[os.environ["SETTING"]]
client, server = ClientApp(), ServerApp()


@client.train()
def train(message, context):
    torch.set_num_threads(1)
    number = int(context.node_config["partition-id"])
    (inputs, labels), model = data_of(SETTING, range(number, number + 1))[0], model_of(SETTING)
    model.load_state_dict(message.content["model"].to_torch_state_dict())
    optimiser = torch.optim.SGD(model.parameters(), LEARNING_RATE)
    samples = 0
    for index in torch.randperm(len(labels)).split(SETTING.batch):
        if len(index) == SETTING.batch:
            optimiser.zero_grad()
            cross_entropy(model(inputs[index]), labels[index]).backward()
            optimiser.step()
            samples += len(index)
    content = {"model": ArrayRecord(model.state_dict()), "facts": MetricRecord({"samples": samples})}
    return Message(content=RecordDict(content), reply_to=message)


@server.main()
def main(grid, context):
    while len(nodes := list(grid.get_node_ids())) < SETTING.clients:
        time.sleep(0.05)
    state = model_of(SETTING).state_dict()
    for number in range(1, SETTING.rounds + 2):
        content = RecordDict({"model": ArrayRecord(state)})
        orders = [Message(content=content, dst_node_id=node, message_type="train") for node in nodes]
        replies = [reply for reply in grid.send_and_receive(orders) if not reply.has_error()]
        states = [reply.content["model"].to_torch_state_dict() for reply in replies]
        state = {key: sum(each[key] for each in states) / len(states) for key in state}
        samples = sum(int(reply.content["facts"]["samples"]) for reply in replies)
        print(json.dumps({"round": number, "samples": samples}), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    resources = {"client_resources": {"num_cpus": 1}, "init_args": {"num_cpus": 2, "include_dashboard": False}}
    run_simulation(server, client, SETTING.clients, backend_config=resources)
