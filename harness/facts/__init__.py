"""What a board says of itself: each fact is a command and a pure parser of its text; one file a theme."""

from __future__ import annotations

from harness.facts.base import Fact, Found, Runner, read

__all__ = ["Fact", "Found", "Runner", "read"]
