"""How long a client's round takes at another cut than the one it was measured at (a linear model, OURS).

Four rates of a client turn a cut's costs into seconds of a round: device work, edge work, exchanges, model transfer.
"""

from typing import Mapping, NamedTuple, Optional, Sequence

from fl_core.managers.cut import CutCost


class Rates(NamedTuple):
    """Seconds of a whole round per unit of a cut's cost (batches and samples are in them)."""

    device_s_per_mac: float
    edge_s_per_mac: float
    wire_s_per_byte: float
    model_s_per_byte: float

    def scaled(self, factor: float) -> "Rates":
        """For a client with `factor` times the batches."""
        return Rates(
            self.device_s_per_mac * factor,
            self.edge_s_per_mac * factor,
            self.wire_s_per_byte * factor,
            self.model_s_per_byte,
        )


def round_s(rates: Rates, cost: CutCost) -> float:
    """Predicted round at a cut."""
    return (
        rates.device_s_per_mac * cost.device_macs
        + rates.edge_s_per_mac * cost.edge_macs
        + rates.wire_s_per_byte * 2 * cost.smashed_bytes
        + rates.model_s_per_byte * 2 * cost.model_bytes
    )


def measured(seconds: Mapping[str, float], edge_s: Optional[float], cost: CutCost) -> Optional[Rates]:
    """From a round at a cut: the worker's seconds by phase, and the edge server's own. None where a phase is missing.

    Both ways of the model are taken to be as fast as the way down.
    """
    if edge_s is None or not {"compute", "exchange", "download"} <= set(seconds):
        return None
    return Rates(
        seconds["compute"] / cost.device_macs,
        edge_s / cost.edge_macs,
        max(0.0, seconds["exchange"] - edge_s) / (2 * cost.smashed_bytes),
        seconds["download"] / cost.model_bytes,
    )


def typical(known: Sequence[Rates]) -> Rates:
    """Means of those that were measured: for who was not."""
    return Rates(*(sum(values) / len(known) for values in zip(*known)))
