"""How purposefully a block still moves: block perturbation (SmartFreeze), effective movement (ProFL).

Over a window of updates U of the global block, || sum of U ||_1 / sum of || U ||_1, in [0, 1]: near 1 all updates point
one way, near 0 they cancel (arXiv 2404.13349, the authors' code; the scalar-level ancestor is APF, ICDCS 2021). The sum
telescopes, so a window is a run of snapshots. SmartFreeze's own formula (arXiv 2408.09101) is only described in words
that we could find; its sibling's is used for both.
"""

from typing import Dict, Sequence

import numpy as np
from torch import Tensor

SCALARS = 10000  # of a larger block, a fixed random sample of this size is followed (ProFL's code)


def snapshot(state: Dict[str, Tensor], block: str, seed: int, scalars: int = SCALARS) -> np.ndarray:
    """The block's parameters, or the same random sample of them in every round: (n,) float32 with n <= scalars."""
    begin = "blocks.{}.".format(block)
    parameters = [
        value.detach().numpy().reshape(-1)
        for key, value in sorted(state.items())
        if key.startswith(begin) and not key.rpartition(".")[2].startswith(("running_", "num_batches"))
    ]
    flat = np.concatenate(parameters)
    if len(flat) > scalars:
        flat = flat[np.sort(np.random.RandomState(seed).choice(len(flat), scalars, replace=False))]
    return flat.astype(np.float32)


def perturbation(snapshots: Sequence[np.ndarray]) -> float:
    """Of the updates between consecutive snapshots, oldest first; 0 where nothing moved at all."""
    pairs = list(zip(snapshots, snapshots[1:]))
    distance = sum(float(np.abs(after - before).sum(dtype=np.float64)) for before, after in pairs)
    if distance == 0.0:
        return 0.0
    return float(np.abs(snapshots[-1] - snapshots[0]).sum(dtype=np.float64)) / distance
