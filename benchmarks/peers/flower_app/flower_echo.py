"""The two halves of the app: what is measured is the server's time from sending a model to holding the last reply."""

import json
import time
from pathlib import Path

import numpy as np
from flwr.app import ArrayRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

client = ClientApp()
server = ServerApp()  # a line each: Flower reads this file before it imports it


@client.train()
def echo(message, context):
    return Message(content=message.content, reply_to=message)


@server.main()
def rounds(grid, context):
    """`plan`: a JSON list of [number of float32, rounds]; writes the seconds of each round to `out`."""
    wanted = context.run_config["clients"]
    while len(nodes := list(grid.get_node_ids())) < wanted:
        time.sleep(0.2)
    found = []
    for parameters, times in json.loads(context.run_config["plan"]):
        found.append([_round(grid, nodes, parameters) for _ in range(times)])
    Path(context.run_config["out"]).write_text(json.dumps(found))


def _round(grid, nodes, parameters):
    content = RecordDict({"model": ArrayRecord([np.zeros(parameters, np.float32)])})
    orders = [Message(content=content, dst_node_id=node, message_type="train") for node in nodes]
    started_s = time.perf_counter()
    replies = list(grid.send_and_receive(orders))
    arrays = [reply.content["model"].to_numpy_ndarrays()[0] for reply in replies if not reply.has_error()]
    mean = sum(arrays) / len(arrays)
    seconds = time.perf_counter() - started_s
    assert len(arrays) == len(nodes) and len(mean) == parameters, "a reply was lost"
    return seconds
