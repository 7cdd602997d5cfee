"""Would these jobs run? Asked once, before any board is touched, by building what can be built without training.

`python3 -m fl_core.check` reads a JSON list of {"job": .., "data": folder} from stdin and prints a JSON list: null for
a job that can run, else the sentence that says why not.
"""

import json
import sys
from typing import Any, Dict, Optional, Tuple

from fl_core.errors import CoreError
from fl_core.job import Job

Shape = Tuple[Tuple[int, int, int], int]


def objection(asked: Dict[str, Any], shapes: Dict[str, Shape]) -> Optional[str]:
    """None, or why the job cannot run. `shapes` remembers data sets that were read already."""
    try:
        job = Job.from_json(asked["job"])
        if job.dataset not in shapes:
            data = job.load_data(asked["data"])
            shapes[job.dataset] = (data.shape, data.classes)
        job.find_method().server(job.setup(job.build_spec(*shapes[job.dataset])))
    except CoreError as error:
        return str(error)
    return None


def main() -> int:
    shapes: Dict[str, Shape] = {}
    print(json.dumps([objection(asked, shapes) for asked in json.load(sys.stdin)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
