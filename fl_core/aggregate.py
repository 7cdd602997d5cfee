"""The average of updates, folded in as they arrive, one update in memory at a time.

Floating-point addition is not associative, so sums are kept in 64-bit fixed point, where it is: the same updates give
the same bits in whatever order and grouping they come, and partial sums of several machines can be merged.
"""

from typing import Dict, Mapping, Optional, Union

import numpy as np
import torch
from torch import Tensor

from fl_core.errors import BadUpdate
from fl_core.rounds import Region

Update = Mapping[str, np.ndarray]

MAGNITUDE_BITS = 16  # values must stay below 2^16, or they are refused as diverged
CHUNK = 1 << 15  # elements at a time, so that scratch stays in the processor's cache


class WeightedMean:
    """sum_i n_i * w_i / sum_i n_i for every element, over the clients i that sent it.

    `total_samples` bounds sum_i n_i and fixes the resolution: the mean is right to about 2^-45, half a unit of float32
    at 2^-21. Integer tensors (batch-norm counters) take the largest.
    """

    def __init__(self, shapes: Mapping[str, torch.Size], total_samples: int) -> None:
        self._shapes = shapes
        self._shift = 62 - MAGNITUDE_BITS - max(1, total_samples).bit_length()
        self._sums: Dict[str, Tensor] = {}
        self._weights: Dict[str, Tensor] = {}  # () where all sent all of it, else of the tensor's shape
        self._dtypes: Dict[str, np.dtype] = {}

    def add(self, samples: int, update: Update, regions: Mapping[str, Optional[Region]]) -> None:
        """One client's update, of weight `samples`; `regions` names the share of a tensor where it is not all."""
        for key, array in update.items():
            if array.dtype.kind != "f":
                value, known = torch.from_numpy(array.copy()), self._sums.get(key)
                self._sums[key] = value if known is None else torch.maximum(known, value)
            else:
                self._dtypes[key] = array.dtype
                self._fold(key, array, samples, regions.get(key))

    def result(self, state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
        """The averages, in the dtypes of the updates; elements that nobody sent keep `state`'s value."""
        return {
            key: self._mean(key, total, state) if key in self._weights else total for key, total in self._sums.items()
        }

    def _mean(self, key: str, total: Tensor, state: Mapping[str, Tensor]) -> Tensor:
        weight, mean = self._weights[key], torch.from_numpy(np.empty(tuple(total.shape), self._dtypes[key]))
        if weight.dim() == 0:
            _divide_fixed(total.view(-1).numpy(), 2.0**self._shift * int(weight), mean.view(-1).numpy())
            return mean
        divisor = weight.view(-1).numpy().clip(1) * 2.0**self._shift
        _divide_fixed(total.view(-1).numpy(), divisor, mean.view(-1).numpy())
        return torch.where(weight > 0, mean, state[key])

    def _fold(self, key: str, value: np.ndarray, samples: int, region: Optional[Region]) -> None:
        if key not in self._sums:
            self._sums[key] = torch.zeros(self._shapes[key], dtype=torch.int64)
            self._weights[key] = torch.zeros((), dtype=torch.int64)
        total, weight = self._sums[key], self._weights[key]
        if region is None:
            _add_fixed(total.view(-1).numpy(), value.reshape(-1), samples * 2.0**self._shift)
            weight += samples
            return
        share = torch.zeros(tuple(value.shape), dtype=torch.int64)
        _add_fixed(share.view(-1).numpy(), value.reshape(-1), samples * 2.0**self._shift)
        total[region] += share
        if weight.dim() < total.dim():
            weight = self._weights[key] = weight.expand(total.shape).clone()
        weight[region] += samples


def _add_fixed(total: np.ndarray, numbers: np.ndarray, factor: float) -> None:
    """total += round(numbers * factor), in place."""
    for start in range(0, len(numbers), CHUNK):
        scaled = np.multiply(numbers[start : start + CHUNK], factor, dtype=np.float64)
        total[start : start + CHUNK] += np.rint(scaled, out=scaled).astype(np.int64)


def _divide_fixed(total: np.ndarray, divisor: Union[float, np.ndarray], mean: np.ndarray) -> None:
    """mean = total / divisor, rounded to mean's precision."""
    for start in range(0, len(total), CHUNK):
        chunk = slice(start, start + CHUNK)
        mean[chunk] = total[chunk] / (divisor[chunk] if isinstance(divisor, np.ndarray) else divisor)


def check_update(update: Update, expected: Mapping[str, torch.Size]) -> None:
    """Raises `BadUpdate` for other keys or shapes than were asked for, and for values that cannot be averaged."""
    if set(update) != set(expected):
        odd = sorted(set(update) ^ set(expected))
        raise BadUpdate("tensors missing or not asked for: {}".format(", ".join(odd[:3])))
    for key, array in update.items():
        if tuple(array.shape) != tuple(expected[key]):
            raise BadUpdate("{} has shape {}, expected {}".format(key, tuple(array.shape), tuple(expected[key])))
        if array.dtype.kind == "f" and array.size:
            largest = max(float(array.max()), -float(array.min()))  # NaN spreads through both
            if not largest < 2.0**MAGNITUDE_BITS:
                raise BadUpdate("{} is not finite or beyond 2^{}: {}".format(key, MAGNITUDE_BITS, largest))
