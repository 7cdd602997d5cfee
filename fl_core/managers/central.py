"""SmartSplit's central manager: which devices take part, and where each one's model is cut, decided together.

The paper (arXiv 2410.11577) names what is weighed (memory budget, training capacity, data distribution) and reviews of
it say how: by Bayesian optimisation. Its objective is not known; `Weights` and `loss` are OURS. Memory is no matter of
weight: a device is offered only cuts that its budget holds.
"""

import itertools
from typing import Callable, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple

import numpy as np


class Option(NamedTuple):
    """A cut that a device's budget holds."""

    cut: str
    round_s: float  # predicted
    device_macs: int


class Device(NamedTuple):
    name: str
    importance: float  # of its data: `fl_core.managers.mec`
    label_counts: Tuple[int, ...]
    options: Tuple[Option, ...]  # front to back; empty where its budget holds none


class Weights(NamedTuple):
    """OURS: what a whole unit of each term is worth."""

    latency: float = 0.7  # the round, as a share of the slowest that could be
    work: float = 0.3  # the devices' multiply-adds, as a share of the most that could be
    data: float = 1.0  # importance that takes part, as a share of all, times how well its labels stand for all


Choice = Tuple[int, ...]  # by device: 0 for one that is not asked, else its option counted from 1
Search = Callable[["Problem"], Choice]


class Problem(NamedTuple):
    devices: Tuple[Device, ...]  # with an option at least
    cohort: int  # most devices that are asked
    weights: Weights

    @property
    def neutral(self) -> Choice:
        """Each device at its fastest cut, the most important ones up to the cohort: where a search begins."""
        fastest = [1 + min(range(len(d.options)), key=lambda i: d.options[i].round_s) for d in self.devices]
        return self.repaired(fastest)

    def repaired(self, choice: Sequence[int]) -> Choice:
        """No more than the cohort: the least important ones are not asked."""
        asked = [index for index, option in enumerate(choice) if option]
        kept = set(sorted(asked, key=lambda index: (-self.devices[index].importance, index))[: self.cohort])
        return tuple(option if index in kept else 0 for index, option in enumerate(choice))

    def loss(self, choice: Choice) -> float:
        """What is minimised; infinite where nobody is asked."""
        asked = [(device, device.options[option - 1]) for device, option in zip(self.devices, choice) if option]
        if not asked:
            return float("inf")
        every = [option for device in self.devices for option in device.options]
        slowest = max(option.round_s for option in every) or 1.0
        most = sum(max(option.device_macs for option in device.options) for device in self.devices) or 1
        return (
            self.weights.latency * max(option.round_s for _, option in asked) / slowest
            + self.weights.work * sum(option.device_macs for _, option in asked) / most
            - self.weights.data * coverage([device for device, _ in asked], self.devices)
        )

    def cuts(self, choice: Choice) -> Dict[str, str]:
        return {d.name: d.options[option - 1].cut for d, option in zip(self.devices, choice) if option}


def coverage(asked: Sequence[Device], every: Sequence[Device]) -> float:
    """Share of the importance that takes part, times 1 - total variation between its labels and all labels; 0..1."""
    total = sum(device.importance for device in every)
    share = sum(device.importance for device in asked) / total if total else len(asked) / len(every)
    return share * (1 - label_distance(asked, every))


def label_distance(asked: Sequence[Device], every: Sequence[Device]) -> float:
    """Total variation between two groups' label distributions, 0..1; 0 where labels are not known."""
    ours = np.sum([device.label_counts for device in asked], axis=0, dtype=float)
    theirs = np.sum([device.label_counts for device in every], axis=0, dtype=float)
    if not ours.sum() or not theirs.sum():
        return 0.0
    return float(np.abs(ours / ours.sum() - theirs / theirs.sum()).sum() / 2)


def feasible(problem: Problem) -> Iterator[Choice]:
    """Every choice of at most the cohort's size, the empty one left out."""
    for choice in itertools.product(*(range(len(device.options) + 1) for device in problem.devices)):
        if 0 < sum(option > 0 for option in choice) <= problem.cohort:
            yield choice


def exhaustive(problem: Problem) -> Choice:
    """The best of all: the reference of small cases."""
    return min(feasible(problem), key=problem.loss)


def polished(problem: Problem, choice: Choice) -> Choice:
    """From a choice, the best change first for as long as one gains: another cut, or one device for another."""
    while True:
        better = min(_neighbours(problem, choice), key=problem.loss, default=choice)
        if problem.loss(better) >= problem.loss(choice):
            return choice
        choice = better


def _neighbours(problem: Problem, choice: Choice) -> Iterator[Choice]:
    asked = [index for index, option in enumerate(choice) if option]
    for index, device in enumerate(problem.devices):
        for option in range(len(device.options) + 1):
            changed = _with(choice, index, option)
            if sum(o > 0 for o in changed) <= problem.cohort:
                yield changed
            if option and not choice[index]:
                yield from (_with(changed, other, 0) for other in asked)


def _with(choice: Choice, index: int, option: int) -> Choice:
    return (*choice[:index], option, *choice[index + 1 :])


def decide(devices: Sequence[Device], cohort: Optional[int], weights: Weights, search: Search) -> Dict[str, str]:
    """Cut of each device that is asked, by name. Devices without an option are not."""
    able = tuple(device for device in devices if device.options)
    problem = Problem(able, len(able) if cohort is None else cohort, weights)
    return problem.cuts(search(problem))
