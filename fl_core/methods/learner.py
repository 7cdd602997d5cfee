"""A client half that also reports its mean squared loss per sample: the statistical utility that selectors want."""

from typing import Any, Dict, Optional, Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from fl_core.methods.base import Batch, ClientHalf, Exchange
from fl_core.models.blocks import BlockedModel
from fl_core.rounds import Task


class Learner(ClientHalf):
    """Subclasses change `forward` (how logits are made) or `objective` (what is minimised beside cross-entropy)."""

    def begin(self, model: BlockedModel, task: Task) -> None:
        self._squares, self._samples = 0.0, 0

    def step(self, model: BlockedModel, batch: Batch, edge: Optional[Exchange]) -> float:
        loss = self.objective(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    def objective(self, model: BlockedModel, batch: Batch) -> Tensor:
        """Mean loss of the batch."""
        return self.cross_entropy(model(batch.inputs), batch.labels)

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean over the batch."""
        with torch.no_grad():
            each = functional.cross_entropy(logits, labels, reduction="none")
        self.note(float((each**2).mean()), len(labels))
        return functional.cross_entropy(logits, labels)  # not each.mean(): the gradient has other last bits

    def note(self, mean_square: float, samples: int) -> None:
        """Remember these samples' losses for the report."""
        self._squares += mean_square * samples
        self._samples += samples

    def report(self, model: BlockedModel, losses: Sequence[float]) -> Dict[str, Any]:
        return {"mean_square_loss": self._squares / self._samples} if self._samples else {}
