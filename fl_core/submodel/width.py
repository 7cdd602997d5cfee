"""Which channels of the global model a narrower one takes: the first ones (HeteroFL) or a window that rolls (FedRolex).

A dimension of full size N is cut to n by the same rule wherever N occurs, so that the channels which one layer puts out
are those which the next takes in, shortcuts included. Dimensions that the narrow model keeps whole (image channels,
classes, kernels) are taken as they are.
"""

from typing import Dict, Tuple

import numpy as np

from fl_core.catalogue import MODELS, resolve
from fl_core.errors import BadJob
from fl_core.models.blocks import BlockedModel, ModelSpec, whole
from fl_core.rounds import Region

Shape = Tuple[int, ...]


def window(full: int, part: int, shift: int) -> np.ndarray:
    """`part` of `full` channels from `shift` on, round the end (FedRolex, Alam et al., NeurIPS 2022, equation 3)."""
    return np.arange(full) if part == full else (shift + np.arange(part)) % full


def region(full: Shape, part: Shape, shift: int) -> Region:
    """The index that cuts a tensor of shape `part` out of one of shape `full`."""
    return np.ix_(*(window(n, m, shift) for n, m in zip(full, part)))


def narrowed(spec: ModelSpec, width: float) -> ModelSpec:
    """The same model with `width` (0..1] of its channels. Raises `BadJob` where it has no narrower version."""
    if width == 1.0:
        return spec
    try:
        return resolve("model", MODELS, spec.name)(spec.input_shape, spec.classes, width=width)
    except TypeError:
        raise BadJob("{} has no narrower version: its branches or heads do not divide by channels".format(spec.name))


def shapes(spec: ModelSpec) -> Dict[str, Shape]:
    """Of every tensor of the whole model."""
    return {key: tuple(value.shape) for key, value in BlockedModel(spec, whole(spec)).tensors().items()}
