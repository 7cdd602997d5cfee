"""`python -m benchmarks.simulation.ours SETTING PROCESSES`: the core's simulation; prints a line per round."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from benchmarks.simulation.setting import SETTINGS, register
from fl_core.pooled import PooledServer, opened_pool


def main(name: str, processes: str, clients: str = "") -> None:
    setting = SETTINGS[name]
    job = register(replace(setting, clients=int(clients)) if clients else setting)
    with opened_pool(job, "", processes=int(processes)) as pool:
        PooledServer(job, "", pool, _say).run_rounds()


def _say(event: dict[str, object]) -> None:
    if event["event"] == "round":
        print(json.dumps({"round": event["round"], "samples": event["samples"]}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
