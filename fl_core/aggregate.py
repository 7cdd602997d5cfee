"""The average of updates, folded in as they arrive, one update in memory at a time.

Floating-point addition is not associative, so sums are kept in 64-bit fixed point, where it is: the same updates give
the same bits in whatever order and grouping they come, and partial sums of several machines can be merged.
"""

from typing import Dict, Mapping, Optional

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
        self._dtypes: Dict[str, torch.dtype] = {}

    def add(self, samples: int, update: Update, regions: Mapping[str, Optional[Region]]) -> None:
        """One client's update, of weight `samples`; `regions` names the share of a tensor where it is not all."""
        for key, array in update.items():
            region = regions.get(key)
            value = torch.from_numpy(array)
            self._dtypes[key] = value.dtype
            if not value.is_floating_point():
                known = self._sums.get(key)
                self._sums[key] = value.clone() if known is None else torch.maximum(known, value)
            else:
                self._fold(key, value, samples, region)

    def result(self, state: Mapping[str, Tensor]) -> Dict[str, Tensor]:
        """The averages, in the dtypes of the updates; elements that nobody sent keep `state`'s value."""
        means: Dict[str, Tensor] = {}
        for key, total in self._sums.items():
            if key not in self._weights:
                means[key] = total
                continue
            weight = self._weights[key]
            mean = (total.double() * 2.0**-self._shift / weight).to(self._dtypes[key])
            means[key] = mean if bool((weight > 0).all()) else torch.where(weight > 0, mean, state[key])
        return means

    def _fold(self, key: str, value: Tensor, samples: int, region: Optional[Region]) -> None:
        if key not in self._sums:
            self._sums[key] = torch.zeros(self._shapes[key], dtype=torch.int64)
            self._weights[key] = torch.zeros((), dtype=torch.int64)
        total, weight = self._sums[key], self._weights[key]
        if region is None:
            _add_fixed(total.view(-1).numpy(), value.reshape(-1), samples * 2.0**self._shift)
            weight += samples
            return
        share = torch.zeros(value.shape, dtype=torch.int64)
        _add_fixed(share.view(-1).numpy(), value.reshape(-1), samples * 2.0**self._shift)
        total[region] += share
        if weight.dim() < total.dim():
            weight = self._weights[key] = weight.expand(total.shape).clone()
        weight[region] += samples


def _add_fixed(total: np.ndarray, value: Tensor, factor: float) -> None:
    """total += round(value * factor), in place."""
    numbers = value.to(torch.float32).numpy() if value.dtype == torch.bfloat16 else value.numpy()
    for start in range(0, len(numbers), CHUNK):
        scaled = np.multiply(numbers[start : start + CHUNK], factor, dtype=np.float64)
        total[start : start + CHUNK] += np.rint(scaled, out=scaled).astype(np.int64)


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
