"""Where a round's seconds and bytes went, client by client, on the server's clock and the worker's own durations.

A client's line through a round, in seconds since the round began:

    0 .. asked        the server prepares orders                      wait
    .. announced      first byte of the task until it has trained     download, compute, exchange (as the worker says)
    .. granted        until its turn to upload                        wait
    .. arrived        until its update is here                        upload
    .. folded         until it is part of the sum                     aggregate
    .. summed         until everybody else is                         wait
    .. the end        the sums become the new model                   aggregate

What lies between `asked` and `announced` and is none of the worker's durations is unexplained: both ways of the link
before the first byte, and scheduling.
"""

from typing import Any, Dict, Mapping, Optional

PHASES = ("download", "compute", "exchange", "upload", "wait", "aggregate")


class Account:
    """One client's marks in one round. `None` where it did not get that far."""

    def __init__(self, asked_s: float, down_bytes: int) -> None:
        self.asked_s = asked_s
        self.bytes: Dict[str, int] = {"model": down_bytes}  # by kind, both ways
        self.worker_s: Mapping[str, float] = {}
        self.announced_s: Optional[float] = None
        self.granted_s: Optional[float] = None
        self.arrived_s: Optional[float] = None
        self.folded_s: Optional[float] = None

    def to_json(self, summed_s: float, end_s: float) -> Dict[str, Any]:
        """Seconds by phase and unexplained ones, for a client whose report was used; bytes by kind for all."""
        facts: Dict[str, Any] = {"bytes": self.bytes}
        if self.folded_s is not None:
            facts["seconds"] = self._seconds(summed_s, end_s)
        return facts

    def _seconds(self, summed_s: float, end_s: float) -> Dict[str, float]:
        assert self.announced_s is not None and self.granted_s is not None
        assert self.arrived_s is not None and self.folded_s is not None
        seconds = {phase: self.worker_s.get(phase, 0.0) for phase in ("download", "compute", "exchange")}
        seconds["unexplained"] = self.announced_s - self.asked_s - sum(seconds.values())
        seconds["upload"] = self.arrived_s - self.granted_s
        seconds["wait"] = self.asked_s + (self.granted_s - self.announced_s) + (summed_s - self.folded_s)
        seconds["aggregate"] = (self.folded_s - self.arrived_s) + (end_s - summed_s)
        return seconds
