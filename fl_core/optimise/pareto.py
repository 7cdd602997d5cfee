"""Time against energy over cuts and power modes: the front, exactly and by NSGA-II.

In the manner of HFSL with a predictive generator (arXiv 2209.02428), whose learned generator is not built. A round ends
with its slowest board and costs the sum of all boards' energy, so of each board only the way of least energy within a
round's time matters: the front is exact after looking at every time once. NSGA-II (Deb et al. 2002, by optuna) is the
reference optimiser.
"""

from typing import Any, List, NamedTuple, Sequence, Tuple


class Way(NamedTuple):
    """One board at one cut in one power mode, measured."""

    cut: str
    power_mode: str
    round_s: float
    energy_j: float


class Point(NamedTuple):
    round_s: float
    energy_j: float


def outcome(ways: Sequence[Way]) -> Point:
    """One way per board."""
    return Point(max(way.round_s for way in ways), sum(way.energy_j for way in ways))


def dominates(a: Point, b: Point) -> bool:
    return a.round_s <= b.round_s and a.energy_j <= b.energy_j and a != b


def non_dominated(points: Sequence[Point]) -> List[Point]:
    """Fastest first, each once."""
    front: List[Point] = []
    for point in sorted(set(points)):
        if not front or point.energy_j < front[-1].energy_j:
            front.append(point)
    return front


def exact_front(boards: Sequence[Sequence[Way]]) -> List[Point]:
    """Of all combinations, without making them."""
    points = []
    for limit_s in sorted({way.round_s for ways in boards for way in ways}):
        within = [[way for way in ways if way.round_s <= limit_s] for ways in boards]
        if all(within):
            points.append(outcome([min(ways, key=lambda way: (way.energy_j, way.round_s)) for ways in within]))
    return non_dominated(points)


def nsga2_front(boards: Sequence[Sequence[Way]], trials: int, seed: int) -> List[Point]:
    """What NSGA-II finds within so many trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=optuna.samplers.NSGAIISampler(seed=seed))

    def objective(trial: Any) -> Tuple[float, float]:
        chosen = [ways[trial.suggest_int(str(index), 0, len(ways) - 1)] for index, ways in enumerate(boards)]
        return tuple(outcome(chosen))  # type: ignore[return-value]

    study.optimize(objective, n_trials=trials)
    return non_dominated([Point(*trial.values) for trial in study.best_trials])
