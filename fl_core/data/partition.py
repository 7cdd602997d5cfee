"""Dealing training samples to clients: the same indices on every machine from the same seed.

`numpy.random.RandomState` is used throughout because its streams are frozen across numpy versions; boards run
numpy 1.19 to 2.x.
"""

from typing import Any, List, Mapping

import numpy as np

from fl_core.errors import BadJob


def iid(labels: np.ndarray, clients: int, seed: int) -> List[np.ndarray]:
    """A shuffled split into `clients` parts whose sizes differ by at most one sample."""
    return [np.sort(part) for part in np.array_split(np.random.RandomState(seed).permutation(len(labels)), clients)]


def dirichlet(labels: np.ndarray, clients: int, seed: int, alpha: float, minimum: int = 2) -> List[np.ndarray]:
    """Label skew: per class, shares of the clients are drawn from Dirichlet(alpha) (Hsu et al. 2019).

    Drawn again until every client has at least `minimum` samples; `BadJob` after 1000 draws.
    """
    rng = np.random.RandomState(seed)
    for _ in range(1000):
        parts: List[List[np.ndarray]] = [[] for _ in range(clients)]
        for label in np.unique(labels):
            index = rng.permutation(np.flatnonzero(labels == label))
            cuts = (np.cumsum(rng.dirichlet([alpha] * clients))[:-1] * len(index)).astype(int)
            for part, piece in zip(parts, np.split(index, cuts)):
                part.append(piece)
        dealt = [np.sort(np.concatenate(part)) for part in parts]
        if min(len(part) for part in dealt) >= minimum:
            return dealt
    raise BadJob(
        "Dirichlet({}) left a client of {} with fewer than {} samples in 1000 draws; raise alpha".format(
            alpha, clients, minimum
        )
    )


def deal(labels: np.ndarray, clients: int, seed: int, how: Mapping[str, Any]) -> List[np.ndarray]:
    """Indices per client, by the study's `partition` entry."""
    kind = how.get("kind", "iid")
    if kind == "iid":
        return iid(labels, clients, seed)
    if kind == "dirichlet":
        return dirichlet(labels, clients, seed, float(how.get("alpha", 0.5)))
    raise BadJob("unknown partition {!r}; known: dirichlet, iid".format(kind))
