"""`flower_classic.py server OUT | client`: rounds of Flower 1.8, whose server and clients keep one gRPC stream each."""

import json
import sys
import time
from pathlib import Path

import flwr
import numpy as np
from flwr.common import FitIns, Parameters, ndarrays_to_parameters, parameters_to_ndarrays

ADDRESS = "127.0.0.1:8080"
SMALL, BATCH, RESNET18 = 262_144, 32 * 64 * 16 * 16, 11_173_962 + 9_620
CLIENTS = 2


class Echo(flwr.client.NumPyClient):
    def fit(self, parameters, config):
        return parameters, 10, {}

    def evaluate(self, parameters, config):
        return 0.0, 10, {"accuracy": 0.0}


class Timed(flwr.server.Server):
    """Instead of one training: rounds of each size, and single exchanges with one client."""

    def fit(self, num_rounds, timeout):
        self.found = {}
        self.client_manager().wait_for(CLIENTS)
        self.found["empty"] = self._rounds(SMALL, 60)
        self.found["resnet18"] = self._rounds(RESNET18, 6)
        self.found["batch"] = self._exchanges(BATCH, 60)
        return flwr.server.history.History(), timeout

    def _rounds(self, parameters, times):
        self.parameters = ndarrays_to_parameters([np.zeros(parameters, np.float32)])
        seconds = []
        for number in range(1, times + 3):
            started_s = time.perf_counter()
            self.parameters, _, _ = self.fit_round(number, None)
            self.evaluate_round(number, None)
            seconds.append(time.perf_counter() - started_s)
        return seconds[2:]

    def _exchanges(self, parameters, times):
        """One client's fit, from an array to an array."""
        client, array = next(iter(self.client_manager().all().values())), np.zeros(parameters, np.float32)
        seconds = []
        for number in range(times + 2):
            started_s = time.perf_counter()
            sent: Parameters = ndarrays_to_parameters([array])
            parameters_to_ndarrays(client.fit(FitIns(sent, {}), None, number).parameters)
            seconds.append(time.perf_counter() - started_s)
        return seconds[2:]


def main():
    if sys.argv[1] == "client":
        flwr.client.start_client(server_address=ADDRESS, client=Echo().to_client())
        return
    strategy = flwr.server.strategy.FedAvg(min_fit_clients=CLIENTS, min_available_clients=CLIENTS)
    server = Timed(client_manager=flwr.server.SimpleClientManager(), strategy=strategy)
    config = flwr.server.ServerConfig(num_rounds=1)
    flwr.server.start_server(server_address=ADDRESS, server=server, config=config)
    Path(sys.argv[2]).write_text(json.dumps(server.found))


if __name__ == "__main__":
    main()
