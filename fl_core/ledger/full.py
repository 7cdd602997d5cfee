"""What training the whole model takes: `python3 -m fl_core.ledger.full` reads a JSON list of {"job", "data": folder}
from stdin and prints a JSON list of bytes, the tensor peak of plain training by the ledger."""

import json
import sys
from typing import Any, Dict, Tuple

from fl_core.job import Job
from fl_core.ledger.stage import stage_cost
from fl_core.models.blocks import whole


def full_bytes(job: Job, folder: str) -> int:
    data = job.load_data(folder)
    spec = job.build_spec(data.shape, data.classes)
    return stage_cost(spec, whole(spec), job.batch).peak_bytes


def main() -> int:
    known: Dict[Tuple[str, str, int], int] = {}
    found = []
    for asked in json.load(sys.stdin):
        job: Any = Job.from_json(asked["job"])
        key = (job.model, job.dataset, job.batch)
        if key not in known:
            known[key] = full_bytes(job, asked["data"])
        found.append(known[key])
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
