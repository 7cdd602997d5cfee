"""`against_torch MODEL BATCH ROUNDS K...`: for each K, checkpoint_sequential in K segments beside our plan at its peak.

Both steps end with the optimiser. Steps take turns, and each pair gives one ratio. Prints a JSON list.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch.nn.functional as functional
from torch.utils.checkpoint import checkpoint_sequential

from benchmarks.split.against_plain import peak, seconds
from benchmarks.split.setting import Training
from fl_core.memory import budget
from fl_core.memory.modes import EXACT
from fl_core.memory.planned import PlannedSteps


def main() -> None:
    name, batch, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    training = Training(name, batch)
    units = training.model.live_units()
    budgets = [0]

    steps = PlannedSteps(units, EXACT, budget.Limit(lambda profile: budgets[0]))

    def compare(segments: int) -> dict[str, Any]:
        def theirs() -> None:
            output = checkpoint_sequential(units, segments, training.inputs, use_reentrant=False)  # type: ignore[no-untyped-call]
            functional.cross_entropy(output, training.labels).backward()  # type: ignore[no-untyped-call]
            training.optimiser.step()

        def ours() -> None:
            steps.step(training.inputs, training.labels, training.optimiser)

        theirs()
        budgets[0] = peak(theirs)
        ours()
        pairs = [(seconds(theirs), seconds(ours)) for _ in range(rounds)]
        ratios = [ours_s / theirs_s for theirs_s, ours_s in pairs]
        return {"k": segments, "their_bytes": budgets[0], "our_bytes": peak(ours), "time_ratios": ratios}

    print(json.dumps([compare(int(segments)) for segments in sys.argv[4:]]))


if __name__ == "__main__":
    main()
