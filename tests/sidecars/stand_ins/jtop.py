"""Stands in for jetson-stats: its client's documented behaviours, by the environment variable JTOP_STAND_IN. Own code.

good              a stream at the client's interval
interval_ignored  the service keeps 1 s; a client that asked for less than a third of it is dropped silently
fast              the service keeps 0.05 s
silent_end        ok() answers False after three samples, without an exception
mismatch          start() raises, since the service has another version
no_access         start() raises, since the user is not in the service's group
no_socket         start() raises, since the service is not active
"""

from __future__ import annotations

import os
import time
from typing import Any

__version__ = "4.3.2"
MODE = os.environ.get("JTOP_STAND_IN", "good")
SERVICE_S = {"interval_ignored": 1.0, "fast": 0.05}


class JtopException(Exception):
    pass


def rail(milliwatt: int, **more: Any) -> dict[str, Any]:
    entry = {"volt": 5000, "curr": milliwatt // 5, "power": milliwatt, "avg": 1, "warn": 1, "crit": 1, "online": True}
    return dict(entry, **more)


POWER = {
    "rail": {
        "VDD_GPU_SOC": rail(1000),
        "VDD_CPU_CV": rail(2000),
        "VIN_SYS_5V0": rail(4000),
        "VDDQ_VDD2_1V8AO": rail(8000),
        "ucsi-source-psy": rail(60000),
        "OFF": rail(0, online=False),
    },
    "tot": {"power": 15000, "avg": 15000},
}
TEMPERATURE = {"CPU": {"online": True, "temp": 45.5}, "CV0": {"online": False, "temp": -256}}
GPU = {"ga10b": {"status": {"load": 12.5}, "freq": {"cur": 306000}}}
MEMORY = {"RAM": {"tot": 4000, "used": 1000, "shared": 100}, "SWAP": {}, "EMC": {"cur": 2133000, "val": 7}}
PROCESSES = [[7, "root", "I", "Graphic", 20, "S", 0.1, 3419, 412340, "python3"]]


class jtop:
    def __init__(self, interval: float = 1.0) -> None:
        self.power, self.temperature, self.gpu, self.memory = POWER, TEMPERATURE, GPU, MEMORY
        self.processes, self.nvpmodel, self.jetson_clocks = PROCESSES, "MAXN", None
        self._own_s = interval
        self.interval = SERVICE_S.get(MODE, interval)
        self._samples = 0

    def start(self) -> None:
        if MODE == "mismatch":
            raise JtopException("Mismatch version jtop service: [7.2.2] and client: [4.3.2]. Please run:\n\nsudo ...")
        if MODE == "no_access":
            raise JtopException("I can't access jtop.service.\nPlease logout or reboot this board.")
        if MODE == "no_socket":
            raise JtopException("The jtop.service is not active. Please run:\nsudo jtop --install-service")

    def ok(self) -> bool:
        if self._own_s * 3 < self.interval:
            return False
        time.sleep(self.interval)
        self._samples += 1
        return MODE != "silent_end" or self._samples <= 3

    def close(self) -> None:
        pass
