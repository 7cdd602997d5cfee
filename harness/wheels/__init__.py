"""Wheels of other machines on this one: boards need no internet."""

from __future__ import annotations

from harness.wheels.cache import Cache, Wanted

__all__ = ["Cache", "Wanted"]
