"""Communities of clients with similar data, and a fair share for each: SmartFreeze's selector.

The paper (arXiv 2408.09101) groups clients by community detection, "RL-CD", whose details were not found. OURS: a graph
over the updates of the classifier layer, edges to the nearest by cosine similarity, modularity clustering (Louvain);
quotas in proportion to the eligible data; inside a community by Oort's utility, with exploration.

Runs on the server: it needs networkx, which boards do not have.
"""

from typing import Dict, List, Mapping, Sequence

import numpy as np

from fl_core.errors import BadJob
from fl_core.selection.candidate import Candidate
from fl_core.selection.oort import oort

NEAREST = 10


def similarities(vectors: np.ndarray) -> np.ndarray:
    """(n, d) -> (n, n) cosine similarities; a zero vector resembles nobody."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return units @ units.T


def communities(profiles: Mapping[str, np.ndarray], seed: int, nearest: int = NEAREST) -> List[List[str]]:
    """Names in groups of similar profile vectors (equal lengths), largest first; every name is in exactly one."""
    import networkx  # on the server alone

    names = sorted(profiles)
    graph = networkx.Graph()
    graph.add_nodes_from(names)
    alike = similarities(np.stack([np.asarray(profiles[name], dtype=np.float64) for name in names]))
    np.fill_diagonal(alike, -np.inf)
    for i, name in enumerate(names):
        for j in np.argsort(-alike[i], kind="stable")[:nearest]:
            if alike[i, j] > 0:
                graph.add_edge(name, names[j], weight=float(alike[i, j]))
    found = networkx.community.louvain_communities(graph, seed=seed)
    return sorted((sorted(group) for group in found), key=lambda group: (-len(group), group))


def quotas(weights: Sequence[float], capacities: Sequence[int], count: int) -> List[int]:
    """Slots per community: in proportion to `weights` (largest remainders), one each while slots last, none beyond
    its capacity; they sum to `count` or to all there is."""
    count = min(count, sum(capacities))
    order = sorted(range(len(weights)), key=lambda i: (-weights[i], i))
    result = [0] * len(weights)
    for i in [i for i in order if capacities[i] > 0][:count]:
        result[i] = 1
    total = sum(weights)
    while sum(result) < count:
        open_ones = [i for i in order if result[i] < capacities[i]]
        short = [count * (weights[i] / total if total else 1 / len(weights)) - result[i] for i in open_ones]
        result[open_ones[int(np.argmax(short))]] += 1
    return result


def fair(
    groups: Sequence[Sequence[str]],
    able: Sequence[Candidate],
    count: int,
    round_index: int,
    rng: np.random.RandomState,
) -> List[Candidate]:
    """`count` of the eligible clients, every community by its share of their data. Unknown ones form a group."""
    by_name: Dict[str, Candidate] = {c.name: c for c in able}
    placed = {name for group in groups for name in group}
    members = [[by_name[name] for name in group if name in by_name] for group in groups]
    members.append([c for c in able if c.name not in placed])
    members = [group for group in members if group]
    if not members:
        raise BadJob("no eligible client to choose from")
    slots = quotas([sum(c.samples for c in group) for group in members], [len(group) for group in members], count)
    chosen = {c.name for group, n in zip(members, slots) if n for c in oort(group, n, round_index, rng)}
    return [c for c in able if c.name in chosen]
