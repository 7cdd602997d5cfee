"""Fixed schedules: the rounds of a job divided among its stages beforehand (the ablation without a pace controller)."""

from typing import List, Sequence

from fl_core.errors import BadJob


def shares(rounds: int, weights: Sequence[float]) -> List[int]:
    """Rounds per stage in proportion to `weights`, at least one each, summing to `rounds`.

    Equal weights give equal shares; parameter counts give the parameter-aware comparison that ProFL's code hints at.
    """
    if rounds < len(weights):
        raise BadJob("{} stages need at least as many rounds, not {}".format(len(weights), rounds))
    total, taken, result = float(sum(weights)), 0, []
    reached = 0.0
    for index, weight in enumerate(weights):
        reached += weight
        left = len(weights) - 1 - index
        end = min(max(round(rounds * reached / total), taken + 1), rounds - left)
        result.append(end - taken)
        taken = end
    return result
