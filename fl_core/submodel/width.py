"""Which channels of the global model a narrower one takes: the first ones (HeteroFL) or a window that rolls (FedRolex).

A dimension of full size N is cut to n by the same rule wherever N occurs, so that the channels which one layer puts out
are those which the next takes in, shortcuts included. Dimensions that the narrow model keeps whole (image channels,
classes, kernels) are taken as they are.
"""

from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

Shape = Tuple[int, ...]


def window(full: int, part: int, shift: int) -> np.ndarray:
    """`part` of `full` channels from `shift` on, round the end (FedRolex, Alam et al., NeurIPS 2022, equation 3)."""
    return np.arange(full) if part == full else (shift + np.arange(part)) % full


def places(full: Shape, part: Shape, shift: int) -> Tuple[np.ndarray, ...]:
    """Index arrays that cut a tensor of shape `part` out of one of shape `full`."""
    return np.ix_(*(window(n, m, shift) for n, m in zip(full, part))) if full else ()


def extract(state: Dict[str, Tensor], shapes: Dict[str, Shape], shift: int = 0) -> Dict[str, Tensor]:
    """Tensors of the narrow model, copied."""
    return {
        key: torch.from_numpy(np.array(state[key].numpy()[places(tuple(state[key].shape), shape, shift)]))
        for key, shape in shapes.items()
    }


class Piece(NamedTuple):
    """One client's update of a narrow model."""

    samples: int
    shift: int
    tensors: Dict[str, Tensor]


def merged(state: Dict[str, Tensor], pieces: Sequence[Piece]) -> Dict[str, Tensor]:
    """Every scalar is the mean over the clients that trained it, by samples; what nobody trained stays.

    Integer tensors (counters of batch norm) take the largest.
    """
    result: Dict[str, Tensor] = {}
    for key, old in state.items():
        held = [piece for piece in pieces if key in piece.tensors]
        result[key] = _mean(key, old, held) if old.is_floating_point() else _largest(key, old, held)
    return result


def _mean(key: str, old: Tensor, pieces: List[Piece]) -> Tensor:
    total, weight = np.zeros(tuple(old.shape)), np.zeros(tuple(old.shape))
    for piece in pieces:
        part = piece.tensors[key].numpy()
        at = places(tuple(old.shape), part.shape, piece.shift)
        total[at] += piece.samples * part.astype(np.float64)
        weight[at] += piece.samples
    mean = np.divide(total, weight, out=old.numpy().astype(np.float64), where=weight > 0)
    return torch.from_numpy(np.asarray(mean)).to(old.dtype)


def _largest(key: str, old: Tensor, pieces: List[Piece]) -> Tensor:
    return torch.stack([old, *(piece.tensors[key] for piece in pieces)]).amax(0)
