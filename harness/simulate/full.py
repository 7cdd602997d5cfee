"""What training a cell's whole model takes in memory, by the FL core's ledger."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from harness.datasets import DataFiles
from harness.errors import FedRackError


def full_bytes(jobs: Sequence[Mapping[str, Any]], data: Mapping[str, DataFiles]) -> list[int]:
    """Of each job, in their order; asked of one process at once."""
    asked = [{"job": job, "data": str(data[job["dataset"]].folder)} for job in jobs]
    done = subprocess.run(
        [sys.executable, "-m", "fl_core.ledger.full"], input=json.dumps(asked), capture_output=True, text=True
    )
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no word"]
        raise FedRackError(f"the memory of the models cannot be reckoned here: {said[0]}", remedy="run: make setup")
    found: list[int] = json.loads(done.stdout.splitlines()[-1])
    return found
