"""One row of the table that all decisions about a split start from. Plain data: reports and optimisers read it too."""

from typing import NamedTuple


class CutCost(NamedTuple):
    """A device's part up to the block `cut`, trained with momentum SGD in fp32 in batches of one size."""

    cut: str
    plain_bytes: int  # tensor peak of a step that keeps everything until its backward
    least_bytes: int  # the same by the leanest plan, gradients released
    smashed_bytes: int  # of a batch, one way
    model_bytes: int  # one way
    device_macs: int  # multiply-adds of a batch's forward
    edge_macs: int
