"""Weighted averaging of updates as they arrive, one update in memory at a time.

Floating-point addition is not associative, so updates are folded in the order of the clients' list, not of arrival:
the same updates give the same bits. An update that arrives early waits.
"""

from typing import Dict, List, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

Update = Dict[str, np.ndarray]


class WeightedMean:
    """sum_i n_i * w_i / sum_i n_i, in float64. Integer tensors (batch-norm counters) take the largest."""

    def __init__(self, order: List[str]) -> None:
        self._waiting: List[str] = list(order)
        self._early: Dict[str, Optional[Tuple[int, Update]]] = {}
        self._sums: Dict[str, Tensor] = {}
        self._dtypes: Dict[str, torch.dtype] = {}
        self.samples = 0
        self.folded = 0

    def add(self, client: str, samples: int, update: Update) -> None:
        """One client's update; `samples` is its weight."""
        self._early[client] = (samples, update)
        self._advance()

    def drop(self, client: str) -> None:
        """This client will not report: nobody waits for it."""
        self._early.setdefault(client, None)
        self._advance()

    def result(self) -> Dict[str, Tensor]:
        """The average, in the dtypes of the updates; empty where nobody reported."""
        return {
            key: (total / self.samples if total.is_floating_point() else total).to(self._dtypes[key])
            for key, total in self._sums.items()
        }

    def _advance(self) -> None:
        while self._waiting and self._waiting[0] in self._early:
            report = self._early.pop(self._waiting.pop(0))
            if report is not None:
                self._fold(*report)

    def _fold(self, samples: int, update: Update) -> None:
        self.samples += samples
        self.folded += 1
        for key, array in update.items():
            value = torch.from_numpy(array)
            if not value.is_floating_point():
                known = self._sums.get(key)
                self._sums[key] = value.clone() if known is None else torch.maximum(known, value)
            elif key in self._sums:
                self._sums[key].add_(value.double(), alpha=samples)
            else:
                self._sums[key] = value.double().mul_(samples)
            self._dtypes[key] = value.dtype
