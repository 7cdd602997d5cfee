"""Hybrid split and federated learning: each board's mode, cut and batch size, by block coordinate descent.

After the reviews of HSFL (arXiv 2511.19851): minimise rounds to a target times seconds of a round, over modes and batch
sizes, on the relaxed problem, then round the batch sizes. The paper's bound is not known; `Convergence` is OURS, with
coefficients that a study fits or names. Boards in federated mode run side by side, those in split mode in turn at the
edge server.
"""

import itertools
from typing import Callable, Iterator, List, NamedTuple, Sequence, Tuple

FEDERATED, SPLIT = "federated", "split"
SWEEPS = 50
GOLDEN = (5**0.5 - 1) / 2
RELATIVE = 1e-9


class Modes(NamedTuple):
    """Seconds of one board: of a round, `fixed_s` whatever the batch, and per batch `start_s` besides its samples."""

    name: str
    samples: int  # trained in a round
    federated_fixed_s: float  # the whole model both ways
    federated_sample_s: float
    split_fixed_s: float  # the device's part both ways
    split_sample_s: float  # device, wire and edge server
    start_s: float  # of each batch: kernels and messages that its size does not change
    least_batch: int
    most_batch: int  # what memory holds


class Convergence(NamedTuple):
    """Rounds to the target: base + noise x mean of 1/b + drift x (share in federated mode)^2."""

    base: float
    noise: float
    drift: float

    def rounds(self, modes: Sequence[str], batches: Sequence[float]) -> float:
        count = len(modes)
        share = sum(mode == FEDERATED for mode in modes) / count
        return self.base + self.noise * sum(1 / b for b in batches) / count + self.drift * share**2


class Setting(NamedTuple):
    modes: Tuple[str, ...]
    batches: Tuple[float, ...]


def board_s(board: Modes, mode: str, batch: float) -> float:
    """One board's round."""
    steps_s = board.samples / batch * board.start_s
    if mode == FEDERATED:
        return board.federated_fixed_s + board.samples * board.federated_sample_s + steps_s
    return board.split_fixed_s + board.samples * board.split_sample_s + steps_s


def round_s(boards: Sequence[Modes], setting: Setting) -> float:
    """Federated boards side by side, split ones one after the other."""
    seconds = [board_s(b, m, size) for b, m, size in zip(boards, setting.modes, setting.batches)]
    side_by_side = [s for s, mode in zip(seconds, setting.modes) if mode == FEDERATED]
    return max(max(side_by_side, default=0.0), sum(s for s, mode in zip(seconds, setting.modes) if mode == SPLIT))


def total_s(boards: Sequence[Modes], convergence: Convergence, setting: Setting) -> float:
    """To the target."""
    return convergence.rounds(*setting) * round_s(boards, setting)


def descent(boards: Sequence[Modes], convergence: Convergence) -> Setting:
    """From each uniform start: modes one board at a time, then batches one at a time, until neither gains; rounded."""

    def cost(setting: Setting) -> float:
        return total_s(boards, convergence, setting)

    starts = [Setting((mode,) * len(boards), tuple(float(b.most_batch) for b in boards)) for mode in (FEDERATED, SPLIT)]
    return min((_rounded(boards, _descended(boards, start, cost), cost) for start in starts), key=cost)


def exhaustive(boards: Sequence[Modes], convergence: Convergence) -> Setting:
    """Every mode and whole batch size: the reference of small cases."""
    return min(_every(boards), key=lambda setting: total_s(boards, convergence, setting))


def _every(boards: Sequence[Modes]) -> Iterator[Setting]:
    sizes = [range(board.least_batch, board.most_batch + 1) for board in boards]
    for modes in itertools.product((FEDERATED, SPLIT), repeat=len(boards)):
        for batches in itertools.product(*sizes):
            yield Setting(modes, tuple(float(b) for b in batches))


def _descended(boards: Sequence[Modes], start: Setting, cost: Callable[[Setting], float]) -> Setting:
    now = start
    for _ in range(SWEEPS):
        before = cost(now)
        now = _moded(now, cost)
        for index, board in enumerate(boards):
            now = _best_batch(now, index, board, cost)
        if cost(now) >= before * (1 - RELATIVE):
            break
    return now


def _moded(now: Setting, cost: Callable[[Setting], float]) -> Setting:
    """One board's mode turned, or two boards' exchanged, for as long as that gains."""
    while True:
        best = min((now._replace(modes=modes) for modes in _neighbours(now.modes)), key=cost)
        if cost(best) >= cost(now):
            return now
        now = best


def _neighbours(modes: Tuple[str, ...]) -> Iterator[Tuple[str, ...]]:
    other = {FEDERATED: SPLIT, SPLIT: FEDERATED}
    for i in range(len(modes)):
        yield _with(modes, i, other[modes[i]])
        for j in range(i):
            yield _with(_with(modes, i, other[modes[i]]), j, other[modes[j]])


def _with(values: Tuple, index: int, value: object) -> Tuple:
    return values[:index] + (value,) + values[index + 1 :]


def _best_batch(now: Setting, index: int, board: Modes, cost: Callable[[Setting], float]) -> Setting:
    """Golden-section search: both factors are a constant and a term in 1/b, or flat, so one valley is left."""
    low, high = float(board.least_batch), float(board.most_batch)

    def at(batch: float) -> Setting:
        return now._replace(batches=_with(now.batches, index, batch))

    while high - low > 1e-3:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        low, high = (low, right) if cost(at(left)) <= cost(at(right)) else (left, high)
    return min((at(b) for b in (low, high, float(board.least_batch), float(board.most_batch))), key=cost)


def _rounded(boards: Sequence[Modes], setting: Setting, cost: Callable[[Setting], float]) -> Setting:
    """Each batch size down or up, whichever is better with the others as they are."""
    for index, board in enumerate(boards):
        ways: List[Setting] = []
        for size in (int(setting.batches[index]), int(setting.batches[index]) + 1):
            batch = float(min(max(size, board.least_batch), board.most_batch))
            ways.append(setting._replace(batches=_with(setting.batches, index, batch)))
        setting = min(ways, key=cost)
    return setting
