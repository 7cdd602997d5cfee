"""`python -m benchmarks.simulation.ours SETTING PROCESSES`: the core's simulation; prints a line per round."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from benchmarks.simulation.setting import SETTINGS, register
from fl_core.pooled import PooledServer, opened_pool


def main(name: str, processes: str, clients: str = "") -> None:
    setting = SETTINGS[name]
    job = register(replace(setting, clients=int(clients)) if clients else setting)

    def say(event: dict[str, Any]) -> None:
        if event["event"] == "round":
            trained = len(event["reported"]) * setting.trained
            print(json.dumps({"round": event["round"], "samples": trained}), flush=True)

    with opened_pool(job, "", processes=int(processes)) as pool:
        PooledServer(job, "", pool, say).run_rounds()


if __name__ == "__main__":
    main(*sys.argv[1:])
