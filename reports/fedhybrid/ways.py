"""The ways to keep to a budget that this report compares, from a cell's method and options."""

from __future__ import annotations

import json

from reports.compare import BASELINE

KEEP, RECOMPUTE, COMPRESS = "keep", "recompute", "compress"
GREEDY, OPTIMUM = "hybrid, by bytes saved per second", "hybrid, exact optimum"
COLOURS = {KEEP: "#5b6675", RECOMPUTE: "#2a9d6f", COMPRESS: "#b0479a", GREEDY: "#d9822b", OPTIMUM: "#2b7bba"}


def way_of(method: str, options: str) -> str:
    """`options`: JSON, as `reports.labels` writes it. Anything that is none of ours keeps its method's name."""
    given = json.loads(options)
    if method == BASELINE:
        return KEEP
    if method == "recompute":
        return RECOMPUTE
    if method != "fedhybrid":
        return method
    if "recompute" not in given.get("ways", ["recompute"]):
        return COMPRESS
    return GREEDY if given.get("rule") == "greedy" else OPTIMUM


def share_of(options: str) -> float | None:
    """The budget, as a share of plain training's tensor peak; None where the cell has none."""
    share = json.loads(options).get("share")
    return None if share is None else float(share)
