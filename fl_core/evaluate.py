"""The global model on the test split, and the digest that names its parameters."""

import hashlib
from typing import Dict, NamedTuple, Optional

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.data.dataset import Dataset
from fl_core.models.blocks import BlockedModel, ModelSpec, Part

BATCH = 256


class Quality(NamedTuple):
    accuracy: float  # 0..1
    test_loss: float  # mean cross-entropy


def evaluate(spec: ModelSpec, part: Part, state: Dict[str, Tensor], data: Dataset) -> Optional[Quality]:
    """Accuracy and loss of the path `part`; None where the data set has no test split."""
    count = len(data.test_labels)
    if count == 0:
        return None
    model = BlockedModel(spec, part)
    model.load({key: value for key, value in state.items() if part.holds(key)})
    model.eval()
    right, loss = 0, 0.0
    with torch.no_grad():
        for start in range(0, count, BATCH):
            images = torch.from_numpy(data.normalised(data.test_images[start : start + BATCH]))
            labels = torch.from_numpy(data.test_labels[start : start + BATCH].astype(np.int64))
            logits = model(images)
            right += int((logits.argmax(1) == labels).sum())
            loss += float(functional.cross_entropy(logits, labels, reduction="sum"))
    return Quality(right / count, loss / count)


def digest(state: Dict[str, Tensor]) -> str:
    """SHA-256 over names and bytes of all blocks and the head that all stages share: equal digests, equal models.

    Output modules (surrogates, exits, what is a stage's own) are scaffolding and left out.
    """
    sha = hashlib.sha256()
    for key in sorted(key for key in state if key.startswith(("blocks.", "head."))):
        sha.update(key.encode())
        sha.update(np.ascontiguousarray(state[key].numpy()).tobytes())
    return sha.hexdigest()
