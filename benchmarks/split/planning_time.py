"""`planning_time UNITS`: CPU seconds that the table of a made-up chain takes, its sizes uneven. Prints a JSON list."""

from __future__ import annotations

import json
import random
import sys
import time

from fl_core.memory.plan import Planner
from fl_core.memory.profile import ModeCost, Profile, UnitCost

REPEATS = 5
MODES = ("keep", "rebuild", "compress", "page")


def chain(count: int) -> Profile:
    chance = random.Random(0)

    def unit() -> UnitCost:
        output, inner, seconds = chance.randint(10**5, 10**7), chance.randint(10**5, 10**7), chance.uniform(0.001, 0.1)
        modes = {}
        for place, mode in enumerate(MODES):
            kept = inner // (place + 1)
            peak = kept + output + inner
            modes[mode] = ModeCost(seconds, seconds * (2 + place / 3), peak, kept + output, kept, peak, peak)
        return UnitCost(output, 0, seconds, output, modes)

    return Profile(0, tuple(unit() for _ in range(count)))


def main() -> None:
    profile = chain(int(sys.argv[1]))
    taken = []
    for _ in range(REPEATS):
        started_s = time.process_time()
        planner = Planner(profile, MODES)
        planner.plan(planner.smallest().peak_bytes * 2)
        taken.append(time.process_time() - started_s)
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
