"""Cross-entropy over the classes that a client has (HeteroFL, Diao et al., ICLR 2021, section 3: masked cross-entropy).

Logits of absent classes are set to zero, so that a client does not unlearn what others know.
"""

import torch.nn.functional as functional
from torch import Tensor


def masked_cross_entropy(logits: Tensor, labels: Tensor, present: Tensor) -> Tensor:
    """`present`: (classes,) bool. (batch, classes), (batch,) -> scalar."""
    return functional.cross_entropy(logits.masked_fill(~present, 0.0), labels)
