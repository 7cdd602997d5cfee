"""Conversions to SI at the edge, and numbers as people read them. Nothing else converts."""

from __future__ import annotations

MIB = 1024 * 1024


def mib(value_bytes: float) -> float:
    """Bytes as MiB."""
    return value_bytes / MIB


def bytes_from_mib(value_mib: float) -> int:
    """MiB as whole bytes."""
    return int(value_mib * MIB)


def show_bytes(value_bytes: float | None) -> str:
    """`812 MiB`, `44.7 MiB`, or a dash where nothing was measured."""
    if value_bytes is None or value_bytes != value_bytes:
        return "–"
    value = mib(value_bytes)
    return f"{value:,.0f} MiB" if abs(value) >= 100 else f"{value:.1f} MiB"


def show_seconds(value_s: float | None) -> str:
    """`12.3 s`, `45 ms`, or a dash where nothing was measured."""
    if value_s is None or value_s != value_s:
        return "–"
    return f"{value_s:.2f} s" if value_s >= 1 else f"{value_s * 1000:.0f} ms"


def show_percent(share: float | None) -> str:
    """A share as `82.4 %`, or a dash where nothing was measured."""
    return "–" if share is None or share != share else f"{share * 100:.1f} %"
