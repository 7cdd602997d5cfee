"""Flower's rounds beside ours: the deployment engine of today, and the 1.8 server with its open streams."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator

from benchmarks.peers import flower
from benchmarks.table import Row

ENGINES = {"deployment": flower.DEPLOYMENT, "classic": flower.CLASSIC}
QUANTITIES = {
    "empty": "empty round, 2 clients, 1 MB model, loopback",
    "resnet18": "ResNet18 fp32 round, 2 clients, loopback",
    "batch": "split exchange of 32x64x16x16 fp32, there and back, loopback",
}
HOW = {
    "deployment": "a round is one message to each client; 1.42 could not be installed here",
    "classic": "fit and evaluate, as FedAvg does; an exchange is one client's fit",
}


def peer_rows(ours_s: dict[str, list[float]]) -> Iterator[Row]:
    """`ours_s`: quantity -> seconds of each of our rounds."""
    for engine, version in ENGINES.items():
        try:
            found = flower.measure(engine)
        except (OSError, subprocess.CalledProcessError) as error:
            yield _row(f"Flower ({version})", "-", "-", f"cannot be run here: {error}")
            continue
        for name, quantity in QUANTITIES.items():
            theirs, ours = statistics.median(found[name]), statistics.median(ours_s[name])
            spread = f"{_range(found[name])} theirs, {_range(ours_s[name])} ours, of {len(found[name])} and"
            yield _row(
                f"{quantity}: {version}",
                f"{theirs * 1e3:.0f} ms, {theirs / ours:.0f} x ours ({ours * 1e3:.1f} ms)",
                f"{spread} {len(ours_s[name])}",
                HOW[engine],
            )


def _range(seconds: list[float]) -> str:
    return f"{min(seconds) * 1e3:.1f}..{max(seconds) * 1e3:.1f} ms"


def _row(quantity: str, measured: str, spread: str, remark: str) -> Row:
    return Row(quantity=quantity, target="-", measured=measured, spread=spread, holds=None, remark=remark)
