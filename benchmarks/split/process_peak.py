"""`process_peak MODEL BATCH HOW`: the kernel's high-water mark of two steps, in a fresh process.

A profile and a warm-up step come before the mark is reset, as in a worker's rehearsal. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys

from benchmarks.split.setting import Training
from benchmarks.split.ways import step_of
from fl_core.memory.process import high_water_bytes, reset_high_water


def main() -> None:
    step = step_of(Training(sys.argv[1], int(sys.argv[2])), sys.argv[3])
    step()
    reset_high_water()
    step()
    step()
    print(json.dumps({"peak_bytes": high_water_bytes()}))


if __name__ == "__main__":
    main()
