"""How much memory will be left for the next steps, from what was left before: FedHybrid's memory budget predictor.

The paper's predictor is not known to us. Ours (OURS) believes a fall at once and a rise slowly: what a neighbour took
once it may take again, and a plan that is too small costs some time where one that is too large costs the round.
"""

from typing import Optional

RISE = 0.1  # OURS: share of a rise that is believed at each reading


class HeadroomPredictor:
    """Fed with one reading after the other, in bytes."""

    def __init__(self) -> None:
        self._level_bytes: Optional[float] = None

    def after(self, reading_bytes: int) -> int:
        """What to count on until the next reading: never more than this one."""
        level = self._level_bytes
        if level is None or reading_bytes < level:
            level = float(reading_bytes)
        else:
            level += RISE * (reading_bytes - level)
        self._level_bytes = level
        return int(level)
