"""zlib on what really travels: a trained update, and smashed data. Gains are of the bytes as they are."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.simulation.bare import data_of, model_of, train
from benchmarks.simulation.setting import SETTINGS

LEVEL = 1


@dataclass(frozen=True, kw_only=True)
class Compressed:
    saving: float  # share of the bytes that need not travel
    rate_bytes_per_s: float  # of the compressor, on one core

    @property
    def pays_below_bytes_per_s(self) -> float:
        """The link rate at which compressing and sending the rest takes as long as sending all, one after the other."""
        return self.rate_bytes_per_s * self.saving


def measure() -> dict[str, Compressed]:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    setting = SETTINGS["mcmahan-cnn"]
    model, data = model_of(setting), data_of(setting, range(1))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    update = train(setting, model, data, before)
    with torch.no_grad():
        smashed = model[0](data[0][0][:256])
    return {
        "a trained update": _compressed(np.concatenate([value.numpy().ravel() for value in update.values()])),
        "smashed data behind a ReLU": _compressed(smashed.numpy()),
    }


def _compressed(array: np.ndarray) -> Compressed:
    content = array.tobytes()
    started_s = time.perf_counter()
    packed = zlib.compress(content, LEVEL)
    seconds = time.perf_counter() - started_s
    return Compressed(saving=1 - len(packed) / len(content), rate_bytes_per_s=len(content) / seconds)
