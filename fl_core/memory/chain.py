"""The model as the chain that a recompute plan is made for.

The units of a `BlockedModel` end where residual shortcuts join, which is where a chain can be cut. Plain sequences can
be cut anywhere, and the place matters: a unit that *begins* with batch norm has the convolution's output as its input,
so that norm and activation can be rebuilt from it without the convolution's work.
"""

from contextlib import contextmanager
from typing import Iterator, List, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

NORM = nn.modules.batchnorm._BatchNorm


class Loss(nn.Module):
    """Last unit of a chain: (batch, classes) -> mean cross-entropy, a scalar.

    `mean_square` is that of the samples' losses in the last forward: what selectors want to know.
    """

    def __init__(self, labels: Tensor) -> None:
        super().__init__()
        self.labels = labels
        self.mean_square = float("nan")

    def forward(self, logits: Tensor) -> Tensor:
        with torch.no_grad():
            each = functional.cross_entropy(logits, self.labels, reduction="none")
        self.mean_square = float((each**2).mean())
        return functional.cross_entropy(logits, self.labels)


def chain(units: Sequence[nn.Module]) -> List[nn.Module]:
    """The same computation, cut before every batch norm and so that each unit has one layer (or composite) at most."""
    groups: List[List[nn.Module]] = [[]]
    for layer in _layers(units):
        if any(_works(member) for member in groups[-1]) and (_works(layer) or isinstance(layer, NORM)):
            groups.append([])
        groups[-1].append(layer)
    return [group[0] if len(group) == 1 else nn.Sequential(*group) for group in groups if group]


def _layers(modules: Sequence[nn.Module]) -> Iterator[nn.Module]:
    for module in modules:
        if type(module) is nn.Sequential:
            yield from _layers(list(module.children()))
        else:
            yield module


def _works(module: nn.Module) -> bool:
    """Whether this is a layer with weights, or a composite; not norm, activation, pooling or reshaping."""
    return not isinstance(module, NORM) and next(module.parameters(), None) is not None


@contextmanager
def norm_statistics_kept(module: nn.Module) -> Iterator[None]:
    """A second forward sees the same batch again: running statistics of batch norm must not move."""
    norms = [m for m in module.modules() if isinstance(m, NORM) and m.training and m.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True
